// What is generated from a description besides the reader: JSON Schema, reference page, example file.

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "evener/base/config/structure.h"
#include "evener/base/json_writer.h"

namespace evener::config {
namespace {

constexpr std::size_t ExampleWidth = 118;

struct Section {
  const Structure* structure = nullptr;
  std::string place;  // pools[].endpoints[]; empty for the root
};

// Every structure once, outer before inner.
void gather(const Structure& structure, const std::string& place, std::vector<Section>& out) {
  const bool known = std::any_of(out.begin(), out.end(), [&](const Section& section) { return section.structure == &structure; });
  if (known) return;
  out.push_back({.structure = &structure, .place = place});
  for (const Field& field : structure.fields()) {
    const Structure* inner = field.type->structure();
    if (inner == nullptr) continue;
    std::string path = place.empty() ? field.name : place + "." + field.name;
    if (field.type->shape() == Type::Shape::List) path += "[]";
    if (field.type->shape() == Type::Shape::Map) path += ".*";
    gather(*inner, path, out);
  }
}

std::vector<Section> sections(const Structure& root) {
  std::vector<Section> out;
  gather(root, "", out);
  return out;
}

std::string capitalised(std::string text) {
  if (!text.empty() && text[0] >= 'a' && text[0] <= 'z') text[0] = static_cast<char>(text[0] - 'a' + 'A');
  return text;
}

bool is_nested(const Field& field) { return field.type->structure() != nullptr; }

// ---- JSON Schema

void write_structure(JsonWriter& json, const Structure& structure) {
  json.member("description", structure.doc()).member("type", "object").member("additionalProperties", false);
  json.key("properties").begin_object();
  for (const Field& field : structure.fields()) {
    json.key(field.name).begin_object();
    field.type->json_schema(json);
    json.member("description", field.text.doc);
    if (field.text.presence == Presence::Optional && !is_nested(field) && field.text.default_text.empty()) {
      json.key("default");
      field.type->show_json(json, structure.default_of(field));
    }
    json.end_object();
  }
  json.end_object();
  json.key("required").begin_array();
  for (const Field& field : structure.fields()) {
    if (field.text.presence == Presence::Required) json.value(field.name);
  }
  json.end_array();
}

// Two spaces per level, so that the committed file can be read and compared.
std::string indented(std::string_view json) {
  std::string out;
  std::size_t depth = 0;
  bool in_string = false;
  const auto new_line = [&] { out.append("\n").append(2 * depth, ' '); };
  for (std::size_t i = 0; i < json.size(); ++i) {
    const char c = json[i];
    if (in_string) {
      out += c;
      if (c == '\\') {
        out += json[++i];
      } else if (c == '"') {
        in_string = false;
      }
      continue;
    }
    const bool opens = c == '{' || c == '[';
    const bool closes = c == '}' || c == ']';
    if (closes) {
      --depth;
      const char before = json[i - 1];
      if (before != '{' && before != '[') new_line();
    }
    out += c;
    if (c == '"') in_string = true;
    if (c == ':') out += ' ';
    if (opens) {
      ++depth;
      if (json[i + 1] != '}' && json[i + 1] != ']') new_line();
    }
    if (c == ',') new_line();
  }
  return out + "\n";
}

// ---- reference page

std::string table_cell(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '|') out += '\\';
    out += c == '\n' ? ' ' : c;
  }
  return out;
}

std::string default_cell(const Structure& structure, const Field& field) {
  if (field.text.presence == Presence::Required) return "required";
  if (!field.text.default_text.empty()) return field.text.default_text;
  if (is_nested(field)) return field.type->shape() == Type::Shape::One ? "" : "none";
  return "`" + field.type->show(structure.default_of(field)) + "`";
}

void append_section(std::string& out, const Section& section) {
  const Structure& structure = *section.structure;
  out += section.place.empty() ? "\n## The file\n\n" : "\n## `" + section.place + "`\n\n";
  out += structure.doc() + "\n\n| Field | Value | Default | Meaning |\n|---|---|---|---|\n";
  for (const Field& field : structure.fields()) {
    out += "| `" + field.name + "` | " + table_cell(field.type->words()) + " | " + table_cell(default_cell(structure, field)) + " | " + table_cell(field.text.doc) + " |\n";
  }
  for (const Field& field : structure.fields()) {
    const std::vector<EnumValue>* choices = field.type->choices();
    if (choices == nullptr) continue;
    out += "\nValues of `" + field.name + "`:\n\n";
    for (const EnumValue& choice : *choices) out.append("- `").append(choice.name).append("`: ").append(choice.doc).append("\n");
  }
}

// ---- example file

// `begin` is what every line of the comment begins with.
void append_comment(std::string& out, const std::string& begin, std::string_view text) {
  std::string line = begin;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find(' ', at), text.size());
    const std::string_view word = text.substr(at, end - at);
    if (line.size() + 1 + word.size() > ExampleWidth && line != begin) {
      out += line + '\n';
      line = begin;
    }
    line.append(" ").append(word);
    at = end + 1;
  }
  out += line + '\n';
}

std::string comment_of(const Structure& structure, const Field& field) {
  std::string out = field.text.doc;
  if (!is_nested(field)) out += ' ' + capitalised(field.type->words()) + '.';
  if (field.text.presence == Presence::Required) {
    out += " Required.";
  } else if (!field.text.default_text.empty()) {
    out += " Default: " + field.text.default_text + '.';
  } else if (!field.text.example.empty() && !is_nested(field)) {
    out += " Default: " + field.type->show(structure.default_of(field)) + '.';
  }
  return out;
}

// A map of structures is shown empty: its keys are the reader's to choose, so there is no item to show.
bool is_open_map(const Field& field) { return is_nested(field) && field.type->shape() == Type::Shape::Map; }

bool has_example(const Structure& structure) {
  return std::any_of(structure.fields().begin(), structure.fields().end(), [](const Field& field) {
    return !field.text.example.empty() || (is_nested(field) && !is_open_map(field) && has_example(*field.type->structure()));
  });
}

// So is a list of structures of which none has an example: an item made of defaults alone would say nothing.
bool is_open_list(const Field& field) {
  return is_nested(field) && field.type->shape() == Type::Shape::List && field.text.example.empty() &&
         !has_example(*field.type->structure());
}

enum class Shown : std::uint8_t { Set, CommentedOut };

// `hash` is the column of the '#' that takes a line out: that of the outermost mapping that is out as a whole.
std::string line_begin(std::size_t indent, std::size_t hash, Shown shown) {
  if (shown == Shown::Set) return std::string(indent, ' ');
  return std::string(hash, ' ') + '#' + std::string(indent - hash, ' ');
}

void append_lines(std::string& out, std::size_t indent, std::string_view lines) {
  for (std::size_t at = 0; at < lines.size();) {
    const std::size_t end = std::min(lines.find('\n', at), lines.size());
    out.append(indent, ' ').append(lines.substr(at, end - at)).append("\n");
    at = end + 1;
  }
}

void append_example(std::string& out, const Structure& structure, std::size_t indent, std::size_t hash, Shown outer);

// The first setting that is not commented out gets the dash.
std::string as_list_item(std::string lines) {
  for (std::size_t at = 0; at < lines.size(); at = lines.find('\n', at) + 1) {
    const std::size_t first = lines.find_first_not_of(' ', at);
    if (lines[first] == '#' || lines[first] == '\n') continue;
    lines[first - 2] = '-';
    break;
  }
  return lines;
}

void append_field(std::string& out, const Structure& structure, const Field& field, std::size_t indent, std::size_t hash, Shown outer) {
  append_comment(out, line_begin(indent, hash, outer) + '#', comment_of(structure, field));
  const std::size_t column = outer == Shown::Set ? indent : hash;
  if (!is_nested(field)) {
    const bool set = outer == Shown::Set && !field.text.example.empty();
    const std::string value = field.text.example.empty() ? field.type->show(structure.default_of(field)) : field.text.example;
    out += line_begin(indent, column, set ? Shown::Set : Shown::CommentedOut) + field.name + ": " + value + '\n';
    return;
  }
  if (is_open_map(field) || is_open_list(field)) {
    const bool set = outer == Shown::Set && !field.text.example.empty();
    const std::string empty = is_open_map(field) ? "{}" : "[]";
    out += line_begin(indent, column, set ? Shown::Set : Shown::CommentedOut) + field.name + ": " +
           (field.text.example.empty() ? empty : field.text.example) + '\n';
    return;
  }
  const Structure& inner = *field.type->structure();
  const Shown shown = outer == Shown::Set && has_example(inner) ? Shown::Set : Shown::CommentedOut;
  out += line_begin(indent, column, shown) + field.name + ":\n";
  if (field.type->shape() != Type::Shape::List) {
    append_example(out, inner, indent + 2, column, shown);
    return;
  }
  std::string item;
  append_example(item, inner, indent + 4, column, shown);
  out += as_list_item(std::move(item));
  append_lines(out, indent + 2, field.text.example);
}

void append_example(std::string& out, const Structure& structure, std::size_t indent, std::size_t hash, Shown outer) {
  bool first = true;
  for (const Field& field : structure.fields()) {
    if (indent == 0 && !first) out += '\n';
    append_field(out, structure, field, indent, hash, outer);
    first = false;
  }
}

}  // namespace

std::string json_schema(const Structure& root, std::string_view title) {
  std::string out;
  JsonWriter json(out);
  json.begin_object();
  json.member("$schema", "https://json-schema.org/draft/2020-12/schema").member("title", title);
  write_structure(json, root);
  json.key("$defs").begin_object();
  for (const Section& section : sections(root)) {
    if (section.structure == &root) continue;
    json.key(section.structure->name()).begin_object();
    write_structure(json, *section.structure);
    json.end_object();
  }
  json.end_object().end_object();
  return indented(out);
}

std::string reference_markdown(const Structure& root, std::string_view title, std::string_view introduction) {
  std::string out = "# " + std::string(title) + "\n\n" + std::string(introduction) + "\n";
  for (const Section& section : sections(root)) append_section(out, section);
  return out;
}

std::string example_yaml(const Structure& root, std::string_view introduction) {
  std::string out;
  append_comment(out, "#", introduction);
  out += '\n';
  append_example(out, root, 0, 0, Shown::Set);
  return out;
}

}  // namespace evener::config
