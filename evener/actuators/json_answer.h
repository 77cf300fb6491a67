#pragma once
// What an API's JSON answer says at a path of keys: texts, numbers, objects. A value that is absent or of another kind is as good as none, because what is
// missing means the same to its reader.

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "evener/protocol/json_reader.h"

namespace evener::actuators {

using JsonPath = std::initializer_list<std::string_view>;

/// The object that the text is, with the text's life time. Nothing if it is no JSON, or something else.
[[nodiscard]] std::optional<protocol::JsonValue> json_object(std::string_view text);

[[nodiscard]] std::optional<protocol::JsonValue> value_at(const protocol::JsonValue& object, JsonPath path);
/// Without quotes and escapes; empty if there is none.
[[nodiscard]] std::string text_at(const protocol::JsonValue& object, JsonPath path);
/// Whole, not negative, and no more than 32 bits.
[[nodiscard]] std::optional<std::uint32_t> count_at(const protocol::JsonValue& object, JsonPath path);
/// Elements of an array; none if there is no array.
[[nodiscard]] std::vector<protocol::JsonValue> elements_at(const protocol::JsonValue& object, JsonPath path);

}  // namespace evener::actuators
