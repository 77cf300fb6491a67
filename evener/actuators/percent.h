#pragma once
// Percent-encoding (RFC 3986), and queries and forms made of pairs.

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace evener::actuators {

/// All but letters, digits and - . _ ~, with capital digits.
[[nodiscard]] std::string percent_encoded(std::string_view text);

using Parameters = std::vector<std::pair<std::string, std::string>>;
/// a=1&b=2, in the given order; a body of a form too, which takes %20 for a blank as it takes +.
[[nodiscard]] std::string query_text(const Parameters& parameters);

}  // namespace evener::actuators
