#pragma once
// Fields of an answer of the admin API, for printing. The answer may come from a gateway of another version: what is missing is shown as "-".

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "evener/protocol/json_reader.h"

namespace evener::cli {

/// Without what would move the cursor of this terminal: some texts come from clients.
[[nodiscard]] std::string text_of(const protocol::JsonValue& object, std::string_view key);
[[nodiscard]] std::optional<double> number_of(const protocol::JsonValue& object, std::string_view key);
[[nodiscard]] bool is_true(const protocol::JsonValue& object, std::string_view key);
[[nodiscard]] std::vector<protocol::JsonValue> list_of(const protocol::JsonValue& object, std::string_view key);

}  // namespace evener::cli
