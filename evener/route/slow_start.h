#pragma once
// Slow start: the share of its weight that an endpoint gets while it warms up, from 10 % to 100 % in a straight line (Envoy's formula
// with aggression 1).

#include <algorithm>

#include "evener/core/time.h"

namespace evener::route {

inline constexpr double SlowStartShareMin = 0.1;
/// The ramp climbs in steps, so that what is derived from weights is not rebuilt for every request.
inline constexpr Duration SlowStartStep = std::chrono::milliseconds(100);

struct SlowStartAt {
  double share = 1.0;
  Instant next{};   // when the share changes again
  bool over = true;
};

[[nodiscard]] inline SlowStartAt slow_start_at(Instant begin, Duration length, Instant now) {
  const Duration since = std::max(now - begin, Duration::zero());
  if (since >= length) return {};
  const Duration step_begin = SlowStartStep * (since / SlowStartStep);
  const double share = std::max(SlowStartShareMin, seconds(step_begin) / seconds(length));
  return {.share = share, .next = begin + std::min(step_begin + SlowStartStep, length), .over = false};
}

}  // namespace evener::route
