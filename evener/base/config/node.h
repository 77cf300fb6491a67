#pragma once
// The tree of a configuration file before anybody knows what it means: maps, lists and scalars, each with its place in the file, scalars
// as they were written. Whether `1.10` is a number or a text is decided by the schema that reads the tree, not here.

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace evener::config {

/// Counted from 1; the column in bytes. Line 0 = not from a file.
struct Mark {
  std::uint32_t line = 0;
  std::uint32_t column = 0;

  bool operator==(const Mark&) const = default;
};

struct Member;

struct Node {
  enum class Kind : std::uint8_t { Null, Scalar, List, Map };
  enum class Style : std::uint8_t { Plain, Quoted };

  Kind kind = Kind::Null;
  Style style = Style::Plain;   // of a scalar; a block of text counts as quoted
  Mark mark;
  std::string scalar;
  std::vector<Node> items;      // of a list
  std::vector<Member> members;  // of a map, in the order of the file, keys distinct

  [[nodiscard]] const Member* member(std::string_view key) const;
};

struct Member {
  std::string key;
  Mark key_mark;
  Node value;

  /// Where to point when the value is meant; an empty value has no place of its own.
  [[nodiscard]] Mark value_mark() const { return value.kind == Node::Kind::Null ? key_mark : value.mark; }
};

/// The way to a value, such as pools[2].endpoints[0].weight.
class Path {
 public:
  using Step = std::variant<std::string, std::size_t>;

  Path() = default;
  Path(std::initializer_list<Step> steps) : steps_(steps) {}

  void push(Step step) { steps_.push_back(std::move(step)); }
  void pop() { steps_.pop_back(); }
  [[nodiscard]] bool empty() const { return steps_.empty(); }
  [[nodiscard]] const std::vector<Step>& steps() const { return steps_; }
  /// Keys that are no plain words stand in brackets: aliases["gpt-4.1"].
  [[nodiscard]] std::string text() const;

 private:
  std::vector<Step> steps_;
};

/// The place of the value at the path, or of the innermost thing on the way to it that exists.
[[nodiscard]] Mark find_mark(const Node& root, const Path& path);

/// The value as it should stand in a message: quoted when it was, cut when long, control characters made visible.
[[nodiscard]] std::string shown(const Node& node);
[[nodiscard]] std::string shown(std::string_view text);

}  // namespace evener::config
