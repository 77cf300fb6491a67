#pragma once
// Instants on a timeline that has no now(): pure code is told the time, it never asks. Programs take it from base/clock.h once per
// turn of their loop; the lab makes it up.

#include <chrono>
#include <cstdint>

namespace evener {

struct Timeline {
  using duration = std::chrono::nanoseconds;
  using rep = duration::rep;
  using period = duration::period;
  using time_point = std::chrono::time_point<Timeline>;
  static constexpr bool is_steady = true;
};

using Instant = Timeline::time_point;
using Duration = Timeline::duration;

constexpr double seconds(Duration d) { return std::chrono::duration<double>(d).count(); }
constexpr Duration from_seconds(double s) { return std::chrono::duration_cast<Duration>(std::chrono::duration<double>(s)); }

}  // namespace evener
