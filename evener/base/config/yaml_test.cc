#include "evener/base/config/yaml.h"

#include <doctest/doctest.h>

#include <string>
#include <vector>

namespace evener::config {
namespace {

struct Parsed {
  std::optional<Node> root;
  std::vector<ConfigError> errors;

  // "line:column: message", all problems, one per line
  [[nodiscard]] std::string text() const {
    std::string out;
    for (const ConfigError& error : errors) out += std::to_string(error.line) + ":" + std::to_string(error.column) + ": " + error.message + "\n";
    return out;
  }
};

Parsed parse(std::string_view text) {
  Problems problems("f", text);
  Parsed out;
  out.root = parse_yaml(text, problems);
  out.errors = problems.take();
  return out;
}

// The tree in one line, such as {a:[1,"x",~]}
std::string tree(const Node& node) {
  std::string out;
  switch (node.kind) {
    case Node::Kind::Null: return "~";
    case Node::Kind::Scalar: return shown(node);
    case Node::Kind::List:
      for (const Node& item : node.items) out += (out.empty() ? "" : ",") + tree(item);
      return "[" + out + "]";
    case Node::Kind::Map:
      for (const Member& member : node.members) out += (out.empty() ? "" : ",") + member.key + ":" + tree(member.value);
      return "{" + out + "}";
  }
  return out;
}

std::string tree(std::string_view text) {
  const Parsed parsed = parse(text);
  CHECK(parsed.text() == "");
  return parsed.root ? tree(*parsed.root) : "nothing";
}

TEST_CASE("scalars keep their spelling, and quotes are remembered") {
  CHECK(tree("a: 0123\nb: no\nc: 1.10\nd: \"5\"\ne: 'x'\nf:\ng: ~\nh: null\ni: |\n  block\n") ==
        R"({a:0123,b:no,c:1.10,d:"5",e:"x",f:~,g:~,h:~,i:"block\n"})");
}

TEST_CASE("JSON is read as it is") {
  CHECK(tree("{\"a\":1,\"b\":[true,null,\"x\\u00e9\\/\\\"\"],\n\t\"c\":{}, \"d\":[]}\n") == "{a:1,b:[true,~,\"x\xC3\xA9/\\\"\"],c:{},d:[]}");
}

TEST_CASE("files with Windows line ends and comments read the same") {
  CHECK(tree("a: 1 # one\r\nb:\r\n  - x\r\n  # nothing\r\n  - 'y'\r\n") == "{a:1,b:[x,\"y\"]}");
  CHECK(parse("a: 1\r\na: 2\r\n").text() == "2:1: a is given twice; the first time in line 1 (remove one)\n");
}

TEST_CASE("a pair of escapes for one character, as JSON allows, is refused rather than misread") {
  CHECK(parse("{\"a\": \"\\ud83d\\ude00\"}").text().find("an escape that is no character") != std::string::npos);
  CHECK(tree("{\"a\": \"\\U0001F600\"}") == "{a:\"\xF0\x9F\x98\x80\"}");
}

TEST_CASE("every value and key knows its line and column") {
  const Parsed parsed = parse("# comment\npools:\n  - name: a\n    url:   b\n  - {name: c}\nempty:\n");
  REQUIRE(parsed.root);
  CHECK(find_mark(*parsed.root, {"pools", std::size_t{0}, "url"}) == Mark{4, 12});
  CHECK(parsed.root->members[0].value.items[0].members[1].key_mark == Mark{4, 5});
  CHECK(find_mark(*parsed.root, {"pools", std::size_t{1}, "name"}) == Mark{5, 12});
  CHECK(find_mark(*parsed.root, {"empty"}) == Mark{6, 1});
  CHECK(find_mark(*parsed.root, {"pools", std::size_t{1}, "absent", "deeper"}) == Mark{5, 5});
  CHECK(find_mark(*parsed.root, {"pools", std::size_t{7}}) == parsed.root->members[0].value.mark);
}

TEST_CASE("a key given twice is an error wherever it is, and all of them are told at once") {
  const Parsed parsed = parse("a: 1\nb:\n  - c: 1\n    d: 2\n    c: 3\na: [4]\n\"a\": 5\n");
  CHECK(parsed.text() ==
        "5:5: b[0].c is given twice; the first time in line 3 (remove one)\n"
        "6:1: a is given twice; the first time in line 1 (remove one)\n"
        "7:1: a is given twice; the first time in line 1 (remove one)\n");
  REQUIRE(parsed.root);
  CHECK(tree(*parsed.root) == "{a:1,b:[{c:1,d:2}]}");
}

TEST_CASE("a tab in the indentation is named, where it stands") {
  CHECK(parse("a:\n  b: 1\n\tc: 2\n").text() == "3:1: a tab in the indentation; YAML allows spaces only\n");
  CHECK(parse("a:\n  - x\n  \t- y: 2\n    z: 1\n").text() == "3:3: a tab in the indentation; YAML allows spaces only\n");
  CHECK(tree("a:\tb\n") == "{a:b}");  // between key and value it is harmless
}

TEST_CASE("syntax errors say where and what to look at") {
  CHECK(parse("a: b: c\n").text().starts_with("1:5: a ':' cannot stand here"));
  CHECK(parse("a: [1, 2\nb: 3\n").text().find("'['") != std::string::npos);
  CHECK(parse("a:\n   b: 1\n  c: 2\n").text().find("indent") != std::string::npos);
  CHECK(parse("a: *x\n").text().find("alias (*name) without its anchor") != std::string::npos);
  CHECK(parse("a: @x\n").text().find("quotes") != std::string::npos);
}

TEST_CASE("a quoted text without an end is refused whether or not the last line is complete") {
  for (const char* text : {"a: \"open", "a: \"open\n", "a: 'it''s\n", "a: \"b\\\"\n", "a: &x \"open\n", "a: &x\n  'open\n", "\"open\n"}) {
    CAPTURE(text);
    CHECK(!parse(text).root.has_value());
    CHECK(parse(text).text().find("quoted text") != std::string::npos);
  }
  CHECK(tree("a: \"b\\\"\"\n") == "{a:\"b\\\"\"}");
  CHECK(tree("a: 'it''s'") == "{a:\"it's\"}");
  CHECK(tree("a: &x 'b'\nc: *x\n") == "{a:\"b\",c:\"b\"}");
  CHECK(tree("\xEF\xBB\xBF\"a\": 'b'\n") == "{a:\"b\"}");
}

TEST_CASE("a second document is refused, a lone document marker is not") {
  CHECK(tree("---\na: 1\n...\n") == "{a:1}");
  CHECK(parse("a: 1\n---\nb: 2\n").text().find("a second document begins") != std::string::npos);
}

TEST_CASE("tags, merge keys and keys that are no text are refused") {
  CHECK(parse("a: !!str 5\n").text().find("tags") != std::string::npos);
  CHECK(parse("a: !include x.yaml\n").text().find("tags") != std::string::npos);
  CHECK(parse("a: &x {b: 1}\nc:\n  <<: *x\n").text().find("merge keys") != std::string::npos);
  CHECK(parse("? [a, b]\n: 1\n").text().find("keys are plain text") != std::string::npos);
  CHECK(parse("~: 1\n").text().find("keys are plain text") != std::string::npos);
}

TEST_CASE("an alias stands for its whole value, place included") {
  const Parsed parsed = parse("a: &x\n  b: 1\nc: *x\n");
  REQUIRE(parsed.root);
  CHECK(tree(*parsed.root) == "{a:{b:1},c:{b:1}}");
  CHECK(find_mark(*parsed.root, {"c", "b"}) == Mark{2, 6});
}

TEST_CASE("aliases that multiply are stopped at the number of values, not at the end of memory") {
  std::string text = "a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n";
  for (int i = 1; i <= 12; ++i) {
    const std::string before = "*a" + std::to_string(i - 1);
    text += "a" + std::to_string(i) + ": &a" + std::to_string(i) + " [";
    for (int j = 0; j < 10; ++j) text += (j > 0 ? ", " : "") + before;
    text += "]\n";
  }
  CHECK(parse(text).text().find("more than 500000 values") != std::string::npos);
}

TEST_CASE("an alias inside its own anchor is refused") {
  CHECK(parse("a: &x [1, *x]\n").text().find("inside its own anchor") != std::string::npos);
}

TEST_CASE("nesting is allowed to the limit and refused beyond it, aliases included") {
  const auto nested = [](std::size_t depth) { return std::string(depth, '[') + std::string(depth, ']'); };
  CHECK(parse(nested(DepthMax)).root.has_value());
  CHECK(parse(nested(DepthMax + 1)).text().find("nested more than 64 deep") != std::string::npos);
  CHECK(parse(nested(100000)).text().find("nested more than 64 deep") != std::string::npos);
  CHECK(parse("a: &x " + nested(40) + "\nb: " + std::string(30, '[') + "*x" + std::string(30, ']')).text().find("nested more than 64 deep") !=
        std::string::npos);
  CHECK(parse("a: &x " + nested(40) + "\nb: " + std::string(20, '[') + "*x" + std::string(20, ']')).root.has_value());
}

TEST_CASE("bytes that are no UTF-8 text are refused with their place") {
  CHECK(parse("a: 1\nb: \xFFx\n").text() == "2:4: a byte that is not UTF-8; the file must be UTF-8 text\n");
  CHECK(parse(std::string_view("a: \0", 4)).text() == "1:4: a control character; the file must be plain text\n");
}

TEST_CASE("a file beyond the size limit is refused unread") {
  CHECK(parse(std::string(FileBytesMax + 1, '#')).text() == "0:0: the file has 8388609 bytes; it must be at most 8388608\n");
  CHECK(parse(std::string(FileBytesMax, '#')).root.has_value());
}

TEST_CASE("an empty file is an empty value") {
  CHECK(tree("") == "~");
  CHECK(tree("# nothing but a comment\n") == "~");
}

}  // namespace
}  // namespace evener::config
