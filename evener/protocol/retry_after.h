#pragma once
// Retry-After (RFC 9110 section 10.2.3), in both of its forms: a number of seconds, or a date in any of the three shapes that a reader must
// accept (section 5.6.7). A date is as good as the agreement of two clocks; what comes out is bounded, so a wrong one does little harm.

#include <cstdint>
#include <string_view>

#include "evener/core/time.h"

namespace evener::protocol {

inline constexpr Duration RetryAfterMax = std::chrono::hours(1);

/// How long from now; 0 for what is malformed or in the past, at most RetryAfterMax. `wall_ns` is the wall clock, read only for a date.
[[nodiscard]] Duration parse_retry_after(std::string_view value, std::int64_t (*wall_ns)());

}  // namespace evener::protocol
