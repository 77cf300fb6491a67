#pragma once
// Type: what the value of a configuration field may be. One object per type knows how to read a tree node into memory, how to say itself in
// a JSON Schema and in the reference page, and how to show a value. Types are untyped towards C++ (void*), so that no reader is generated
// per struct; schema.h puts the C++ types back on, checked by the compiler.

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "evener/base/config/node.h"
#include "evener/base/config/problem.h"
#include "evener/base/json_writer.h"
#include "evener/core/time.h"

namespace evener::config {

class Structure;
class Type;
using TypePtr = std::shared_ptr<const Type>;

struct EnumValue {
  std::string_view name;
  std::uint64_t value = 0;
  std::string_view doc;
};

/// Where the reader stands.
struct ReadState {
  Problems& problems;
  Path path;

  /// "pools[0].weight is 0; it must be 1..2 (hint)"
  void wrong(Mark mark, const std::string& value, const std::string& rule, const std::string& hint = {});
};

class Type {
 public:
  virtual ~Type() = default;

  /// Reads the node into `out`, which holds the default. What is wrong goes to the state; `out` then keeps the default.
  virtual void read(const Node& node, Mark mark, void* out, ReadState& state) const = 0;
  /// Writes the members of the JSON Schema object that describes this type.
  virtual void json_schema(JsonWriter& json) const = 0;
  /// In words, for messages and the reference page: "a duration 1ms..1h". For a structure "a pool mapping".
  [[nodiscard]] virtual std::string words() const = 0;
  /// The value as YAML on one line.
  [[nodiscard]] virtual std::string show(const void* value) const = 0;
  /// The same as JSON.
  virtual void show_json(JsonWriter& json, const void* value) const = 0;

  /// The structure behind this type, through lists and maps; null for the others.
  [[nodiscard]] virtual const Structure* structure() const { return nullptr; }
  /// The values of an enum, through lists and maps; null for the others.
  [[nodiscard]] virtual const std::vector<EnumValue>* choices() const { return nullptr; }
  enum class Shape : std::uint8_t { One, List, Map };
  [[nodiscard]] virtual Shape shape() const { return Shape::One; }
};

/// A rule that a text has to keep: gives what is wrong as "the rule (hint)", or an empty text.
using TextCheck = std::function<std::string(std::string_view)>;

struct TextRule {
  std::string what = "a text";      // in words: "a URL http://host:port[/prefix]"
  std::size_t bytes_max = 1024;
  bool may_be_empty = true;
  std::string pattern = {};         // for the JSON Schema: as much of the rule as a regular expression can say
  TextCheck check = {};             // not called for an empty text
};

/// How generic code touches a std::vector<T> or a std::map<std::string, T>.
struct ListAccess {
  void (*clear)(void* list);
  void* (*append)(void* list);
  std::size_t (*size)(const void* list);
  const void* (*at)(const void* list, std::size_t index);
};
struct MapAccess {
  void (*clear)(void* map);
  void* (*insert)(void* map, const std::string& key);
  void (*visit)(const void* map, const std::function<void(const std::string& key, const void* value)>& visitor);
};

/// Least and most; of a number, or of how many items there are.
template <class T>
struct Range {
  T min{};
  T max{};
};

[[nodiscard]] TypePtr text_type(TextRule rule);
[[nodiscard]] TypePtr boolean_type();
/// `bytes` is the width of the unsigned integer in memory: 1, 2, 4 or 8.
[[nodiscard]] TypePtr whole_number_type(std::size_t bytes, Range<std::uint64_t> range, std::string hint);
[[nodiscard]] TypePtr number_type(Range<double> range, std::string hint);
/// `zero` says what 0 means ("no limit") where it is allowed beside the range; empty = it is not.
[[nodiscard]] TypePtr duration_type(Range<Duration> range, std::string zero);
[[nodiscard]] TypePtr size_type(std::size_t bytes, Range<std::uint64_t> range, std::string hint);
[[nodiscard]] TypePtr enum_type(std::size_t bytes, std::vector<EnumValue> values);
[[nodiscard]] TypePtr list_type(TypePtr item, const ListAccess& access, Range<std::size_t> items);
[[nodiscard]] TypePtr map_type(TextRule key, TypePtr value, const MapAccess& access, Range<std::size_t> items);
[[nodiscard]] TypePtr structure_type(std::shared_ptr<const Structure> structure);

}  // namespace evener::config
