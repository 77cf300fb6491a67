#include "evener/protocol/retry_after.h"

#include <algorithm>
#include <charconv>
#include <cstring>
#include <ctime>
#include <optional>

namespace evener::protocol {
namespace {

constexpr std::size_t DateBytesMax = 40;  // "Wednesday, 06-Nov-94 08:49:37 GMT" has 33

/// Seconds since 1970-01-01 UTC.
std::optional<std::int64_t> parse_http_date(std::string_view value) {
  if (value.size() >= DateBytesMax) return std::nullopt;
  char text[DateBytesMax];
  std::memcpy(text, value.data(), value.size());
  text[value.size()] = '\0';
  for (const char* form : {"%a, %d %b %Y %H:%M:%S GMT", "%A, %d-%b-%y %H:%M:%S GMT", "%a %b %e %H:%M:%S %Y"}) {
    std::tm utc{};
    const char* end = ::strptime(text, form, &utc);
    if (end == text + value.size()) return ::timegm(&utc);
  }
  return std::nullopt;
}

}  // namespace

Duration parse_retry_after(std::string_view value, std::int64_t (*wall_ns)()) {
  std::int64_t asked_s = 0;
  const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), asked_s);
  if (error != std::errc() || end != value.data() + value.size()) {
    const std::optional<std::int64_t> date_s = parse_http_date(value);
    if (!date_s) return {};
    asked_s = *date_s - wall_ns() / 1'000'000'000;
  }
  constexpr std::int64_t most_s = std::chrono::duration_cast<std::chrono::seconds>(RetryAfterMax).count();
  return std::chrono::seconds(std::clamp<std::int64_t>(asked_s, 0, most_s));
}

}  // namespace evener::protocol
