#include "evener/protocol/json_reader.h"

#include <doctest/doctest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstring>
#include <string>
#include <string_view>

#include "evener/protocol/json_string.h"

namespace {

using namespace evener::protocol;
using namespace std::string_view_literals;

std::string outcome(std::string_view text, JsonCheck check = JsonCheck::Everything) {
  JsonReader reader;
  const auto error = reader.read(text, check);
  if (error) return error->what;
  std::string out;
  for (const JsonMember& member : reader.members()) {
    if (!out.empty()) out += '|';
    out += member.key;
    out += '=';
    out += member.value.text;
  }
  return out;
}

TEST_CASE("members are found with exactly their bytes") {
  CHECK(outcome("{}") == "");
  CHECK(outcome(" { } \n") == "");
  CHECK(outcome(R"({"a":1})") == "a=1");
  CHECK(outcome(R"( { "a" : "x" , "b" : [ 1 , {"a":2} ] , "c" : { } , "d":null,"e" :true, "f":-1.5e+3 } )") ==
        R"(a="x"|b=[ 1 , {"a":2} ]|c={ }|d=null|e=true|f=-1.5e+3)");
  CHECK(outcome("{\"a\\\"b\":\"}\\\\\",\"\":[]}") == "a\\\"b=\"}\\\\\"|=[]");
  CHECK(outcome("{\"a\":1,\"a\":2}") == "a=1|a=2");  // whether that is allowed is the caller's business
}

TEST_CASE("what is not one well-formed object is refused") {
  constexpr std::string_view Bad[] = {
      ""sv,
      " "sv,
      "null"sv,
      "[]"sv,
      "\"a\""sv,
      "1"sv,
      "\xef\xbb\xbf{}"sv,
      "{"sv,
      "}"sv,
      "{]"sv,
      "{}}"sv,
      "{}{}"sv,
      "{} x"sv,
      "{},"sv,
      "{}\0"sv,
      "{\0}"sv,
      R"({"a"})"sv,
      R"({"a":})"sv,
      R"({"a" 1})"sv,
      R"({"a":1,})"sv,
      R"({,"a":1})"sv,
      R"({"a":1 "b":2})"sv,
      R"({"a":1,,"b":2})"sv,
      R"({a:1})"sv,
      R"({'a':1})"sv,
      R"({1:1})"sv,
      R"({"a"::1})"sv,
      R"({"a":1:2})"sv,
      R"({"a":[1,]})"sv,
      R"({"a":[,1]})"sv,
      R"({"a":[1 2]})"sv,
      R"({"a":[}})"sv,
      R"({"a":{]})"sv,
      R"({"a":[1})"sv,
      R"({"a":{"b":1]})"sv,
      R"({"a":[1]]})"sv,
      R"({"a":{"b"}})"sv,
      R"({"a":["b":1]})"sv,
      R"({"a":tru})"sv,
      R"({"a":truex})"sv,
      R"({"a":TRUE})"sv,
      R"({"a":nul})"sv,
      R"({"a":NaN})"sv,
      R"({"a":Infinity})"sv,
      R"({"a":-Infinity})"sv,
      R"({"a":[NaN]})"sv,
      R"({"a":{"b":[1,{"c":nan}]}})"sv,
      R"({"a":undefined})"sv,
      R"({"a":01})"sv,
      R"({"a":+1})"sv,
      R"({"a":.5})"sv,
      R"({"a":1.})"sv,
      R"({"a":1e})"sv,
      R"({"a":1e+})"sv,
      R"({"a":-})"sv,
      R"({"a":0x1})"sv,
      R"({"a":1_0})"sv,
      R"({"a":1a})"sv,
      R"({"a":--1})"sv,
      R"({"a":1.2.3})"sv,
      R"({"a":1 2})"sv,
      R"({"a":"b)"sv,
      R"({"a":"b\"})"sv,
      R"({"a":"b"c})"sv,
      R"({"a":"b""c"})"sv,
      "{\"a\":\"\n\"}"sv,
      "{\"a\":\"\0\"}"sv,
      "{\"a\n\":1}"sv,
      "{\"a\":\"\xff\"}"sv,
      "{\"a\":\"\xc0\xaf\"}"sv,
      "{\"a\":\"\xed\xa0\x80\"}"sv,
      "{\"\xc3\":1}"sv,
      "{\"a\":1\x0b}"sv,
      "{\"a\":1\xa0}"sv,
      "{/* */\"a\":1}"sv,
      "{\"a\":1}//"sv,
      "{\"a\":1}\x1e"sv,
      "{\"a\":1}\n{\"a\":2}"sv,
  };
  for (const std::string_view text : Bad) {
    CAPTURE(text);
    JsonReader reader;
    CHECK(reader.read(text, JsonCheck::Everything).has_value());
  }
}

TEST_CASE("numbers of every legal form are accepted") {
  for (const std::string_view number :
       {"0", "-0", "1", "-1", "10", "0.5", "-0.5", "1e5", "1E5", "1e+5", "1e-5", "1.25E-10", "123456789012345678901234567890", "1e999"}) {
    CAPTURE(number);
    const std::string text = "{\"a\":" + std::string(number) + "}";
    CHECK(outcome(text) == "a=" + std::string(number));
    const std::string nested = "{\"a\":[" + std::string(number) + " ," + std::string(number) + "\n]}";
    JsonReader reader;
    CHECK_FALSE(reader.read(nested, JsonCheck::Everything));
  }
}

TEST_CASE("an error says at which byte it was found") {
  JsonReader reader;
  const auto error = reader.read(R"({"a": 1, "b": nope})", JsonCheck::Everything);
  REQUIRE(error);
  CHECK(error->offset == 14);
}

TEST_CASE("nesting may have 1024 levels and no more") {
  const auto nested = [](std::size_t arrays) { return "{\"a\":" + std::string(arrays, '[') + std::string(arrays, ']') + "}"; };
  JsonReader reader;
  CHECK_FALSE(reader.read(nested(JsonDepthMax - 1), JsonCheck::Everything));
  CHECK(reader.read(nested(JsonDepthMax), JsonCheck::Everything));
  CHECK(reader.read(nested(1000000), JsonCheck::Everything));
  std::string mixed;
  for (int i = 0; i < 500; ++i) mixed += "{\"a\":[";
  mixed += "1";
  for (int i = 0; i < 500; ++i) mixed += "]}";
  CHECK_FALSE(reader.read(mixed, JsonCheck::Everything));
  mixed[mixed.size() - 1] = ']';
  CHECK(reader.read(mixed, JsonCheck::Everything));
}

TEST_CASE("an object may have 256 members and no more") {
  std::string text = "{\"k\":0";
  for (std::size_t i = 1; i < JsonMembersMax; ++i) text += ",\"k\":0";
  JsonReader reader;
  CHECK_FALSE(reader.read(text + "}", JsonCheck::Everything));
  CHECK(reader.members().size() == JsonMembersMax);
  CHECK(reader.read(text + ",\"k\":0}", JsonCheck::Everything));
  const std::string nested = "{\"a\":" + text + ",\"k\":0}}";
  REQUIRE_FALSE(reader.read(nested, JsonCheck::Everything));  // only objects that are looked into are counted
  std::vector<JsonMember> members;
  CHECK_FALSE(members_of(reader.members()[0].value, members));
}

TEST_CASE("members and elements of nested values are found") {
  JsonReader reader;
  const std::string_view text = R"({"x":[1],"o":{"a":{"b":[1,2]},"c":[],"d" : "e" },"l":[ 1 ,{"a":[2]}, [] ],"e":{},"m":[]})";
  REQUIRE_FALSE(reader.read(text, JsonCheck::Everything));
  const auto top = reader.members();
  REQUIRE(top.size() == 5);
  CHECK(find_in(top[1].value, "a")->text == R"({"b":[1,2]})");
  CHECK(find_in(*find_in(top[1].value, "a"), "b")->text == "[1,2]");
  CHECK(find_in(top[1].value, "c")->kind == JsonKind::Array);
  CHECK(find_in(top[1].value, "d")->text == "\"e\"");
  CHECK_FALSE(find_in(top[1].value, "b"));
  CHECK_FALSE(find_in(top[0].value, "a"));
  const auto elements = elements_of(top[2].value);
  REQUIRE(elements.size() == 3);
  CHECK(elements[1].text == R"({"a":[2]})");
  CHECK(elements[2].text == "[]");
  std::vector<JsonMember> members;
  CHECK(members_of(top[3].value, members));
  CHECK(members.empty());
  CHECK(elements_of(top[4].value).empty());
  CHECK(elements_of(top[3].value).empty());
}

TEST_CASE("a key written with escapes is found under the name it stands for") {
  JsonReader reader;
  REQUIRE_FALSE(reader.read(R"({"us\u0061ge":1,"bad\q":2})", JsonCheck::Everything));
  REQUIRE(find_member(reader.members(), "usage") != nullptr);
  CHECK(find_member(reader.members(), "usage")->value.text == "1");
  CHECK(find_member(reader.members(), "badq") == nullptr);
}

TEST_CASE("escapes stand for what RFC 8259 says") {
  const auto unescaped = [](std::string_view raw) {
    std::string out;
    return unescape_json(raw, out) ? out : std::string("refused");
  };
  CHECK(unescaped("plain") == "plain");
  CHECK(unescaped(R"(\"\\\/\b\f\n\r\t)") == "\"\\/\b\f\n\r\t");
  CHECK(unescaped(R"(a\u0041\u00e9\u20AC\ud83d\ude00z)") == "aA\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80z");
  CHECK(unescaped(R"(\u0000)") == std::string(1, '\0'));
  for (const std::string_view bad : {R"(\)", R"(\x41)", R"(\u)", R"(\u12)", R"(\u12g4)", R"(\ud800)", R"(\ud800x)", R"(\ud800\n)",
                                     R"(\ud800\u0041)", R"(\udc00)", R"(\U0041)", R"(\')"}) {
    CAPTURE(bad);
    CHECK(unescaped(bad) == "refused");
  }
}

TEST_CASE("an unsigned number is read only if it is written as one and fits") {
  const auto read = [](std::string_view text) { return to_unsigned({.kind = JsonKind::Number, .text = text}); };
  CHECK(read("0") == 0U);
  CHECK(read("18446744073709551615") == 18446744073709551615U);
  CHECK_FALSE(read("18446744073709551616"));
  CHECK_FALSE(read("-1"));
  CHECK_FALSE(read("1.0"));
  CHECK_FALSE(read("1e3"));
  CHECK_FALSE(to_unsigned({.kind = JsonKind::String, .text = "\"1\""}));
}

TEST_CASE("nothing behind the text is read") {
  // The text ends where an inaccessible page begins.
  const auto page = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
  auto* memory = static_cast<char*>(mmap(nullptr, 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
  REQUIRE(memory != MAP_FAILED);
  REQUIRE(mprotect(memory + page, page, PROT_NONE) == 0);
  JsonReader reader;
  for (const std::string_view tail : {"}"sv, ""sv, ":1}"sv, "\\"sv}) {
    for (std::size_t length = 2; length < 300; ++length) {
      std::string text = "{\"" + std::string(length, 'a') + "\"";
      text += tail;
      char* const begin = memory + page - text.size();
      std::memcpy(begin, text.data(), text.size());
      const auto error = reader.read(std::string_view(begin, text.size()), JsonCheck::Everything);
      CHECK(error.has_value() == (tail != ":1}"));
    }
  }
  munmap(memory, 2 * page);
}

TEST_CASE("strings end where they end for every length and at every distance from the end of the text") {
  for (const std::string_view inside : {""sv, "\\\""sv, "\\\\"sv, "\xc3\xbc"sv, "\\\xc3\xbc"sv, "\xc3\xbc\\\""sv}) {
    for (std::size_t length = 0; length < 100; ++length) {
      std::string value = std::string(length, 'a');
      value += inside;
      value += std::string(length % 37, ' ');
      const std::string text = "{\"a\":\"" + value + "\",\"b\":[\"" + value + "\"]}";
      CHECK(outcome(text) == "a=\"" + value + "\"|b=[\"" + value + "\"]");
    }
  }
}

TEST_CASE("a control character or a broken sequence is found at every place of a string, behind an escape or another script as well") {
  for (const std::string_view before : {""sv, "\\"sv, "\xc3\xbc"sv}) {
    for (const std::string_view bad : {"\x01"sv, "\x1f"sv, "\n"sv, "\0"sv, "\x80"sv, "\xc3"sv, "\xff"sv}) {
      for (std::size_t length = 0; length < 80; ++length) {
        std::string value = std::string(length, 'a');
        value += before;
        value += bad;
        value += std::string(80 - length, 'b');
        CHECK(outcome("{\"a\":\"" + value + "\"}") != "a=\"" + value + "\"");
        CHECK(outcome("{\"a\":[{\"" + value + "\":1}]}").starts_with("a=") == false);
      }
    }
  }
}

TEST_CASE("a string ends where it does wherever escapes, quotes and control characters stand in it") {
  constexpr std::string_view Inserts[] = {"\\\"", "\\\\", "\\\\\\\"", "\\\xc3\xa9", "\xc3\xa9", "\"", "\n", "\\\n", "\\"};
  for (std::size_t before = 0; before < 70; ++before) {
    for (const std::string_view insert : Inserts) {
      for (const std::size_t after : {0UL, 1UL, 15UL, 40UL}) {
        const std::string text = std::string(before, 'a') + std::string(insert) + std::string(after, 'b') + "\"" + std::string(50, ' ');
        // What a reader of one byte after the other says.
        std::size_t at = 0;
        bool bad = false, escaped = false, high = false;
        for (; at < text.size() && text[at] != '"'; ++at) {
          if (text[at] == '\\') {
            escaped = true;
            ++at;
          }
          bad |= static_cast<unsigned char>(text[at]) < 0x20;
          high |= static_cast<unsigned char>(text[at]) >= 0x80;
        }
        StringTraits traits;
        const char* const end = end_of_string(text.data(), text.data() + text.size(), traits);
        CAPTURE(text);
        if (bad || at >= text.size()) {
          CHECK(end == nullptr);
        } else {
          CHECK(end == text.data() + at);
          CHECK(traits.escaped == escaped);
          CHECK(traits.non_ascii == high);
        }
        // And where the text ends with the string, so that the last steps are short ones.
        if (!bad && at < text.size()) CHECK(end_of_string(text.data(), text.data() + at + 1, traits) == text.data() + at);
      }
    }
  }
}

}  // namespace
