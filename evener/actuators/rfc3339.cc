#include "evener/actuators/rfc3339.h"

#include <ctime>

namespace evener::actuators {

std::optional<std::int64_t> read_utc_time(const std::string& text) {
  std::tm utc{};
  const char* end = ::strptime(text.c_str(), "%Y-%m-%dT%H:%M:%S", &utc);
  if (end == nullptr) return std::nullopt;
  if (*end == '.') {
    do ++end;
    while (*end >= '0' && *end <= '9');
  }
  if (std::string(end) != "Z" && std::string(end) != "+00:00") return std::nullopt;
  return ::timegm(&utc);
}

}  // namespace evener::actuators
