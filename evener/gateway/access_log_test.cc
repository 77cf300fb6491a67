#include "evener/gateway/access_log.h"

#include <doctest/doctest.h>

#include <array>
#include <limits>
#include <string>

#include "evener/base/json_writer.h"
#include "evener/base/utf8.h"
#include "evener/protocol/json_reader.h"
#include "tests/for_each_seed.h"

namespace evener::gateway {
namespace {

using namespace std::chrono_literals;

/// A member of the line as text: strings unescaped, everything else as written; "(absent)" when there is none.
std::string member(const std::string& line, std::string_view key) {
  protocol::JsonReader reader;
  const auto error = reader.read(line, protocol::JsonCheck::Everything);
  REQUIRE_MESSAGE(!error.has_value(), line);
  const auto* found = protocol::find_member(reader.members(), key);
  if (found == nullptr) return "(absent)";
  const std::string_view text = found->value.text;
  if (found->value.kind != protocol::JsonKind::String) return std::string(text);
  std::string out;
  REQUIRE(protocol::unescape_json(text.substr(1, text.size() - 2), out));
  return out;
}

std::string line_of(const AccessRecord& record, std::int64_t wall_ns = 0) {
  std::string out;
  append_access_line(out, record, wall_ns);
  REQUIRE(out.ends_with('\n'));
  out.pop_back();
  CHECK(out.find('\n') == std::string::npos);
  return out;
}

TEST_CASE("a line says everything about its request") {
  const std::string line = line_of({.request_id = "r-1",
                                    .trace_id = "4bf9",
                                    .client = "127.0.0.1",
                                    .method = "POST",
                                    .path = "/v1/chat/completions",
                                    .pool = "chat",
                                    .endpoint = "gpu-1",
                                    .model = "llama",
                                    .request_class = "batch",
                                    .tenant = "team-a",
                                    .pick = "policy",
                                    .status = 200,
                                    .attempts = 2,
                                    .stream = true,
                                    .queue = 0ns,
                                    .connect = 1'234'567ns,
                                    .first_token = 50ms,
                                    .total = 2s,
                                    .request_bytes = 10,
                                    .response_bytes = 20,
                                    .events = 3,
                                    .prompt_tokens = 7,
                                    .completion_tokens = 0,
                                    .cached_tokens = 5},
                                   1'700'000'000'123'000'000);
  CHECK(line ==
        R"({"time":"2023-11-14T22:13:20.123Z","request_id":"r-1","trace_id":"4bf9","client":"127.0.0.1","method":"POST",)"
        R"("path":"/v1/chat/completions","status":200,"ended":"done","pool":"chat","endpoint":"gpu-1","pick":"policy","model":"llama",)"
        R"("class":"batch","tenant":"team-a",)"
        R"("attempts":2,"hedged":null,"preempted":false,"stream":true,"queue_ms":0.000,"connect_ms":1.234,"first_token_ms":50.000,"total_ms":2000.000,)"
        R"("request_bytes":10,"response_bytes":20,"events":3,"prompt_tokens":7,"completion_tokens":0,"cached_tokens":5})");
}

TEST_CASE("what was expected of a request is in its line where it was asked for, and nowhere else") {
  CHECK(line_of({.path = "/"}).find("estimated") == std::string::npos);
  const std::string known =
      line_of({.estimated = true, .prompt_tokens_estimated = 900, .cached_tokens_expected = 512, .first_token_predicted = 40ms});
  CHECK(known.ends_with(R"("prompt_tokens_estimated":900,"cached_tokens_expected":512,"first_token_predicted_ms":40.000})"));
  CHECK(
      line_of({.estimated = true}).ends_with(R"("prompt_tokens_estimated":0,"cached_tokens_expected":0,"first_token_predicted_ms":null})"));
}

TEST_CASE("a request that was hedged says whether the hedge won, and whether it gave way is in it, too") {
  CHECK(member(line_of({}), "hedged") == "null");
  CHECK(member(line_of({.hedge = "won"}), "hedged") == "won");
  CHECK(member(line_of({.hedge = "lost"}), "hedged") == "lost");
  CHECK(member(line_of({}), "preempted") == "false");
  CHECK(member(line_of({.preempted = true}), "preempted") == "true");
}

TEST_CASE("a stream that another endpoint went on with says how often, and who broke off") {
  CHECK(member(line_of({}), "continued") == "(absent)");
  CHECK(line_of({.continued = 2, .continued_from = "gpu-1"}).ends_with(R"("continued":2,"continued_from":"gpu-1"})"));
}

TEST_CASE("what was not reached or not said is null, and no detail leaves no member") {
  const std::string line = line_of({});
  for (const char* key : {"queue_ms", "connect_ms", "first_token_ms", "total_ms", "prompt_tokens", "completion_tokens", "cached_tokens"}) {
    CAPTURE(key);
    CHECK(member(line, key) == "null");
  }
  CHECK(member(line, "detail") == "(absent)");
  CHECK(member(line, "status") == "0");
  CHECK(member(line, "stream") == "false");
  CHECK(member(line_of({.detail = "why"}), "detail") == "why");
}

TEST_CASE("the largest numbers fit") {
  constexpr auto most = std::numeric_limits<std::uint64_t>::max();
  constexpr auto most_signed = std::numeric_limits<std::int64_t>::max();
  const std::string line = line_of({.status = 65535,
                                    .attempts = std::numeric_limits<std::uint32_t>::max(),
                                    .queue = Duration::max(),
                                    .connect = Duration::max(),
                                    .first_token = Duration::max(),
                                    .total = Duration::max(),
                                    .request_bytes = most,
                                    .response_bytes = most,
                                    .events = most,
                                    .prompt_tokens = most_signed,
                                    .completion_tokens = most_signed,
                                    .cached_tokens = most_signed});
  CHECK(member(line, "request_bytes") == std::to_string(most));
  CHECK(member(line, "total_ms") == "9223372036854.775");
}

TEST_CASE("lines of one thread carry their own times, also back and forth across seconds") {
  struct Case {
    std::int64_t wall_ns;
    const char* text;
  };
  for (const Case& c :
       {Case{0, "1970-01-01T00:00:00.000Z"}, Case{999'999'999, "1970-01-01T00:00:00.999Z"}, Case{1'000'000'000, "1970-01-01T00:00:01.000Z"},
        Case{1'709'164'800'007'000'000, "2024-02-29T00:00:00.007Z"}, Case{999'999'999, "1970-01-01T00:00:00.999Z"}}) {
    CHECK(member(line_of({}, c.wall_ns), "time") == c.text);
  }
}

TEST_CASE("every ending has a name of its own") {
  constexpr std::array<EndedBy, 8> all = {EndedBy::Done,           EndedBy::ClientGone,      EndedBy::BadRequest, EndedBy::Refused,
                                          EndedBy::EndpointFailed, EndedBy::EndpointAborted, EndedBy::Timeout,    EndedBy::Drained};
  std::string names = " ";
  for (const EndedBy ended : all) {
    const std::string name(ended_by_name(ended));
    CHECK(names.find(" " + name + " ") == std::string::npos);
    CHECK(member(line_of({.ended = ended}), "ended") == name);
    names += name + " ";
  }
}

TEST_CASE("whatever bytes a client or a configuration puts into its texts, the line is JSON that gives them back") {
  for_each_seed(500, [](Rng& rng) {
    std::array<std::string, 7> texts;
    for (std::string& text : texts) {
      constexpr std::array<std::uint64_t, 4> lengths = {4, 60, 700, 5000};
      text.resize(rng.below(lengths[rng.below(lengths.size())]));
      const std::uint64_t kind = rng.below(4);
      for (char& c : text) {
        if (kind == 0) c = static_cast<char>(rng.next());     // any byte, mostly not UTF-8
        if (kind == 1) c = static_cast<char>(rng.below(32));  // controls: six bytes each
        if (kind == 2) c = "\"\\/\x7f\n\xc3\xa9"[rng.below(8)];
        if (kind == 3) c = static_cast<char>('a' + rng.below(26));
      }
    }
    const std::string line = line_of({.method = texts[0],
                                      .path = texts[1],
                                      .pool = texts[2],
                                      .endpoint = texts[3],
                                      .model = texts[4],
                                      .tenant = texts[6],
                                      .detail = "d" + texts[5]});
    constexpr std::array<const char*, 7> keys = {"method", "path", "pool", "endpoint", "model", "detail", "tenant"};
    for (std::size_t i = 0; i < keys.size(); ++i) {
      CAPTURE(keys[i]);
      std::string expected;
      append_valid_utf8(expected, i == 5 ? "d" + texts[i] : texts[i]);
      CHECK((member(line, keys[i]) == expected));
    }
  });
}

TEST_CASE("one byte that needs an escape is found wherever it stands in a text, and its neighbours are taken for none") {
  for (const char c : std::string_view("\x01\x1f\"\\\x7f\xc3\xff !#[]~", 13)) {
    for (std::size_t size = 1; size <= 20; ++size) {
      for (std::size_t at = 0; at < size; ++at) {
        std::string text(size, 'a');
        text[at] = c;
        std::string expected;
        append_valid_utf8(expected, text);
        CAPTURE(text);
        CHECK((member(line_of({.model = text}), "model") == expected));
      }
    }
  }
}

TEST_CASE("texts of a megabyte that need six bytes for one are written whole") {
  const std::string controls(1 << 20, '\x01');
  const std::string line = line_of({.path = controls, .detail = controls});
  CHECK((member(line, "path") == controls));
  CHECK((member(line, "detail") == controls));
}

TEST_CASE("a line is added to what is there") {
  std::string out = "before\n";
  append_access_line(out, {}, 0);
  append_access_line(out, {}, 0);
  CHECK(out.starts_with("before\n{\"time\""));
  CHECK(out.ends_with("}\n"));
}

}  // namespace
}  // namespace evener::gateway
