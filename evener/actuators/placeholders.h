#pragma once
// Fills placeholders such as {port} into the words of a command. Braces around anything else stay as they are: commands hold JSON.

#include <span>
#include <string>
#include <string_view>
#include <utility>

namespace evener::actuators {

using Placeholder = std::pair<std::string_view, std::string>;  // "{port}", "8001"

/// One pass: what was filled in is not looked at again.
[[nodiscard]] std::string filled(std::string_view text, std::span<const Placeholder> values);

}  // namespace evener::actuators
