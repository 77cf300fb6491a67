#include "evener/cli/answer_fields.h"

#include <cstdlib>

namespace evener::cli {

using protocol::JsonKind;
using protocol::JsonValue;

std::string text_of(const JsonValue& object, std::string_view key) {
  const auto found = protocol::find_in(object, key);
  if (!found || found->kind == JsonKind::Null) return "-";
  if (found->kind != JsonKind::String) return std::string(found->text);
  std::string text;
  if (!protocol::unescape_json(found->text.substr(1, found->text.size() - 2), text)) return "-";
  for (char& c : text) c = static_cast<unsigned char>(c) < 0x20 || c == 0x7F ? '?' : c;
  return text.empty() ? "-" : text;
}

std::optional<double> number_of(const JsonValue& object, std::string_view key) {
  const auto found = protocol::find_in(object, key);
  if (!found || found->kind != JsonKind::Number) return std::nullopt;
  return std::strtod(std::string(found->text).c_str(), nullptr);
}

bool is_true(const JsonValue& object, std::string_view key) {
  const auto found = protocol::find_in(object, key);
  return found && found->kind == JsonKind::True;
}

std::vector<JsonValue> list_of(const JsonValue& object, std::string_view key) {
  const auto found = protocol::find_in(object, key);
  return found ? protocol::elements_of(*found) : std::vector<JsonValue>();
}

}  // namespace evener::cli
