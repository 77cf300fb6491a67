#pragma once
// Wall-clock time as people and log collectors read it: 2026-03-01T12:00:00.250Z (RFC 3339, milliseconds, always UTC).

#include <array>
#include <cstdint>
#include <string_view>

namespace evener {

using UtcTimeText = std::array<char, 24>;

/// Nanoseconds since 1970-01-01 UTC, years 0 to 9999, written into the buffer; cut to milliseconds, not rounded.
std::string_view utc_time(std::int64_t wall_ns, UtcTimeText& buffer);

}  // namespace evener
