#include "evener/actuators/json_answer.h"

#include <limits>

namespace evener::actuators {

using protocol::JsonKind;
using protocol::JsonValue;

std::optional<JsonValue> json_object(std::string_view text) {
  constexpr std::string_view blanks = " \t\r\n";
  text.remove_prefix(std::min(text.find_first_not_of(blanks), text.size()));
  text = text.substr(0, text.find_last_not_of(blanks) + 1);
  if (protocol::thread_json_reader().read(text, protocol::JsonCheck::Everything)) return std::nullopt;
  return JsonValue{.kind = JsonKind::Object, .text = text};
}

std::optional<JsonValue> value_at(const JsonValue& object, JsonPath path) {
  std::optional<JsonValue> value = object;
  for (const std::string_view key : path) {
    value = protocol::find_in(*value, key);
    if (!value) break;
  }
  return value;
}

std::string text_at(const JsonValue& object, JsonPath path) {
  const auto value = value_at(object, path);
  std::string text;
  if (!value || value->kind != JsonKind::String) return text;
  if (!protocol::unescape_json(value->text.substr(1, value->text.size() - 2), text)) text.clear();
  return text;
}

std::optional<std::uint32_t> count_at(const JsonValue& object, JsonPath path) {
  const auto value = value_at(object, path);
  if (!value || value->kind != JsonKind::Number) return std::nullopt;
  const auto number = protocol::to_unsigned(*value);
  if (!number || *number > std::numeric_limits<std::uint32_t>::max()) return std::nullopt;
  return static_cast<std::uint32_t>(*number);
}

std::vector<JsonValue> elements_at(const JsonValue& object, JsonPath path) {
  const auto value = value_at(object, path);
  return value ? protocol::elements_of(*value) : std::vector<JsonValue>();
}

}  // namespace evener::actuators
