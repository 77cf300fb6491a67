#pragma once
// QueuePace: how fast a queue has been moving, for a truthful Retry-After: the mean time between two requests that ended while others
// waited. Forgets with the count of endings and not with time, as an idle hour says nothing about the next rush.

#include <cstddef>
#include <cstdint>

#include "evener/core/time.h"

namespace evener::route {

class QueuePace {
 public:
  /// A request ended while others waited.
  void ended(Instant now) {
    if (last_known_) mean_ns_ += (static_cast<double>((now - last_).count()) - mean_ns_) * (gaps_ < Memory ? 1.0 / ++gaps_ : 1.0 / Memory);
    last_ = now;
    last_known_ = true;
  }
  /// The queue ran empty: the time until it fills again is not a gap.
  void emptied() { last_known_ = false; }

  /// How long until `waiting` requests have gone; 0 = unknown, as too few have gone so far.
  [[nodiscard]] Duration until_gone(std::size_t waiting) const {
    if (gaps_ < EnoughGaps) return Duration::zero();
    return Duration(static_cast<std::int64_t>(mean_ns_ * static_cast<double>(waiting)));
  }

 private:
  static constexpr int Memory = 32;
  static constexpr int EnoughGaps = 4;

  Instant last_{};
  double mean_ns_ = 0;
  int gaps_ = 0;
  bool last_known_ = false;
};

}  // namespace evener::route
