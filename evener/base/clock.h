#pragma once
// The real clocks. Programs read the monotonic one once per turn of their loop; pure modules never include this.

#include <ctime>

#include "evener/core/time.h"

namespace evener {

/// Monotonic time (CLOCK_MONOTONIC); not affected by changes of the wall clock.
inline Instant monotonic_now() {
  timespec t{};
  ::clock_gettime(CLOCK_MONOTONIC, &t);
  return Instant(std::chrono::seconds(t.tv_sec) + std::chrono::nanoseconds(t.tv_nsec));
}

/// Wall-clock time in nanoseconds since 1970-01-01 UTC: for logs, and for dates that others name. Never for how long something takes.
inline std::int64_t wall_clock_ns() {
  timespec t{};
  ::clock_gettime(CLOCK_REALTIME, &t);
  return std::int64_t{t.tv_sec} * 1'000'000'000 + t.tv_nsec;
}

}  // namespace evener
