#pragma once
// Structure: the description of one struct, from which its reader, its part of the JSON Schema, its section of the reference page and its
// part of the example come. Built by schema.h.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "evener/base/config/type.h"

namespace evener::config {

enum class Presence : std::uint8_t { Optional, Required };

struct FieldText {
  std::string doc;           // one or two sentences, without the default and the range, which are known
  std::string example = {};  // YAML of the value in the example file; empty = shown there with its default, commented out
  Presence presence = Presence::Optional;
  std::string default_text = {};  // where the default is worked out and not a value: "host:port of its url"
};

struct Field {
  std::string name;
  FieldText text;
  std::size_t offset = 0;
  TypePtr type;
};

class Structure {
 public:
  /// `defaults` is a default-constructed struct that lives as long as the program.
  Structure(std::string name, std::string doc, const void* defaults) : name_(std::move(name)), doc_(std::move(doc)), defaults_(defaults) {}

  void add(Field field) { fields_.push_back(std::move(field)); }

  [[nodiscard]] const std::string& name() const { return name_; }
  [[nodiscard]] const std::string& doc() const { return doc_; }
  [[nodiscard]] const std::vector<Field>& fields() const { return fields_; }
  [[nodiscard]] const void* default_of(const Field& field) const { return static_cast<const char*>(defaults_) + field.offset; }

  void read(const Node& node, Mark mark, void* out, ReadState& state) const;

 private:
  std::string name_;
  std::string doc_;
  const void* defaults_;
  std::vector<Field> fields_;
};

/// The whole schema as one JSON document, draft 2020-12.
[[nodiscard]] std::string json_schema(const Structure& root, std::string_view title);
/// One Markdown section per structure, with a table of fields.
[[nodiscard]] std::string reference_markdown(const Structure& root, std::string_view title, std::string_view introduction);
/// A commented file: fields with an example are set, all others stand there with their defaults as `#name: value`.
[[nodiscard]] std::string example_yaml(const Structure& root, std::string_view introduction);

}  // namespace evener::config
