#include "evener/actuators/placeholders.h"

#include <algorithm>

namespace evener::actuators {

std::string filled(std::string_view text, std::span<const Placeholder> values) {
  std::string out;
  while (!text.empty()) {
    const auto found = std::find_if(values.begin(), values.end(), [&](const Placeholder& value) { return text.starts_with(value.first); });
    const std::size_t taken = found == values.end() ? 1 : found->first.size();
    out += found == values.end() ? text.substr(0, 1) : std::string_view(found->second);
    text.remove_prefix(taken);
  }
  return out;
}

}  // namespace evener::actuators
