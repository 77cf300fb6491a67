#pragma once
// StartupTimes: how long a replica takes from its start until it serves, from the latest start-ups. The 90 % quantile, as a forecast that
// looks ahead by the mean is late for every second replica.

#include <algorithm>
#include <array>
#include <cstddef>

#include "evener/core/time.h"

namespace evener::route::autoscale {

class StartupTimes {
 public:
  static constexpr std::size_t Kept = 32;
  static constexpr double Quantile = 0.9;

  /// `assumed` until the first start-up has been seen.
  explicit StartupTimes(Duration assumed) : assumed_(assumed) {}

  void add(Duration took) {
    times_[next_++ % Kept] = std::max(took, Duration::zero());
    if (next_ == 2 * Kept) next_ = Kept;
  }
  [[nodiscard]] Duration expected() const {
    const std::size_t count = std::min(next_, Kept);
    if (count == 0) return assumed_;
    auto sorted = times_;
    std::sort(sorted.begin(), sorted.begin() + static_cast<std::ptrdiff_t>(count));
    return sorted[static_cast<std::size_t>(Quantile * static_cast<double>(count - 1) + 0.5)];
  }

 private:
  Duration assumed_;
  std::array<Duration, Kept> times_{};
  std::size_t next_ = 0;  // counts up to Kept, then goes round
};

}  // namespace evener::route::autoscale
