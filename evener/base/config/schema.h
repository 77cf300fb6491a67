#pragma once
// Describes a struct once, field by field. The C++ type of a member and the kind of value it is given are matched by the compiler.
//
//   Of<Price> price_schema() {
//     return Describe<Price>("price", "Money per million tokens.")
//         .field("input", &Price::input, number({0, 1e6}), {.doc = "For tokens read."})
//         .done();
//   }

#include <map>
#include <memory>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "evener/base/config/structure.h"
#include "evener/base/config/type.h"

namespace evener::config {

/// A Type for values of C++ type T.
template <class T>
struct Of {
  TypePtr type;
};

inline Of<std::string> text(TextRule rule = {}) { return {text_type(std::move(rule))}; }
inline Of<bool> boolean() { return {boolean_type()}; }
template <class T>
Of<T> whole_number(Range<std::uint64_t> range, std::string hint = {}) {
  static_assert(std::is_unsigned_v<T> && !std::is_same_v<T, bool>);
  return {whole_number_type(sizeof(T), range, std::move(hint))};
}
inline Of<double> number(Range<double> range, std::string hint = {}) { return {number_type(range, std::move(hint))}; }
inline Of<Duration> duration(Range<Duration> range, std::string zero = {}) { return {duration_type(range, std::move(zero))}; }
template <class T>
Of<T> size(Range<std::uint64_t> range, std::string hint = {}) {
  static_assert(std::is_unsigned_v<T> && !std::is_same_v<T, bool>);
  return {size_type(sizeof(T), range, std::move(hint))};
}

template <class E>
struct Choice {
  E value;
  std::string_view name;  // must live as long as the program
  std::string_view doc;
};
template <class E>
Of<E> one_of(const std::vector<Choice<E>>& choices) {
  std::vector<EnumValue> values;
  for (const Choice<E>& choice : choices) values.push_back({.name = choice.name, .value = static_cast<std::uint64_t>(choice.value), .doc = choice.doc});
  return {enum_type(sizeof(E), std::move(values))};
}

template <class T>
Of<std::vector<T>> list_of(const Of<T>& item, Range<std::size_t> items) {
  using List = std::vector<T>;
  static constexpr ListAccess access = {
      .clear = [](void* list) { static_cast<List*>(list)->clear(); },
      .append = [](void* list) -> void* { return &static_cast<List*>(list)->emplace_back(); },
      .size = [](const void* list) { return static_cast<const List*>(list)->size(); },
      .at = [](const void* list, std::size_t index) -> const void* { return &(*static_cast<const List*>(list))[index]; },
  };
  return {list_type(item.type, access, items)};
}

template <class T>
Of<std::map<std::string, T>> map_of(TextRule key, const Of<T>& value, Range<std::size_t> items) {
  using Map = std::map<std::string, T>;
  static constexpr MapAccess access = {
      .clear = [](void* map) { static_cast<Map*>(map)->clear(); },
      .insert = [](void* map, const std::string& name) -> void* { return &(*static_cast<Map*>(map))[name]; },
      .visit =
          [](const void* map, const std::function<void(const std::string&, const void*)>& visitor) {
            for (const auto& [name, item] : *static_cast<const Map*>(map)) visitor(name, &item);
          },
  };
  return {map_type(std::move(key), value.type, access, items)};
}

template <class S>
class Describe {
 public:
  Describe(std::string name, std::string doc) : structure_(std::make_shared<Structure>(std::move(name), std::move(doc), &sample())) {}

  template <class T>
  Describe& field(std::string name, T S::*member, const Of<T>& type, FieldText text) {
    return add(std::move(name), &(sample().*member), type.type, std::move(text));
  }
  /// A member of a member, written in the file as if it were the struct's own.
  template <class M, class T>
  Describe& field(std::string name, M S::*outer, T M::*inner, const Of<T>& type, FieldText text) {
    return add(std::move(name), &(sample().*outer.*inner), type.type, std::move(text));
  }

  Of<S> done() { return {structure_type(structure_)}; }

 private:
  static const S& sample() {
    static const S defaults{};
    return defaults;
  }

  Describe& add(std::string name, const void* member, TypePtr type, FieldText text) {
    const auto offset = static_cast<const char*>(member) - reinterpret_cast<const char*>(&sample());
    structure_->add({.name = std::move(name), .text = std::move(text), .offset = static_cast<std::size_t>(offset), .type = std::move(type)});
    return *this;
  }

  std::shared_ptr<Structure> structure_;
};

}  // namespace evener::config
