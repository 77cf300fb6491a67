#pragma once
// QueuePace: how fast a queue has been moving, for predictions of a wait and a truthful Retry-After: the mean time between two requests that
// ended while others waited, and the shares of the classes among those that went. Forgets with the count of events and not with time, as an
// idle hour says nothing about the next rush.

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>

#include "evener/core/time.h"
#include "evener/route/view.h"

namespace evener::route {

/// Waiting requests that go before another one.
struct QueueAhead {
  std::size_t more_urgent = 0;
  std::size_t same_class = 0;
};

class QueuePace {
 public:
  /// The longest wait that is predicted: beyond an hour a figure says nothing.
  static constexpr Duration LongestPrediction = std::chrono::hours(1);

  /// A request ended while others waited.
  void ended(Instant now) {
    if (last_known_) mean_ns_ += (static_cast<double>((now - last_).count()) - mean_ns_) * (gaps_ < Memory ? 1.0 / ++gaps_ : 1.0 / Memory);
    last_ = now;
    last_known_ = true;
  }
  /// A request of the class went to an endpoint while others waited.
  void went(Priority priority) {
    if (departures_ < Memory) ++departures_;
    for (std::size_t i = 0; i < Priorities; ++i) {
      shares_[i] += ((i == static_cast<std::size_t>(priority) ? 1.0 : 0.0) - shares_[i]) / departures_;
    }
  }
  /// The queue ran empty: the time until it fills again is not a gap.
  void emptied() { last_known_ = false; }

  /// How long until `waiting` requests have gone; 0 = unknown, as too few have gone so far.
  [[nodiscard]] Duration until_gone(std::size_t waiting) const { return after_gaps(static_cast<double>(waiting)); }

  /// How long until all that are ahead of a request of the class have gone; 0 = unknown. More urgent requests that come meanwhile go first, too:
  /// the class moves with the share of the pace that they leave.
  [[nodiscard]] Duration until_turn(const QueueAhead& ahead, Priority priority) const {
    double left = 1.0;
    for (std::size_t i = 0; i < static_cast<std::size_t>(priority); ++i) left -= shares_[i];
    const double present = static_cast<double>(ahead.more_urgent + ahead.same_class);
    return after_gaps(std::max(present, static_cast<double>(ahead.same_class) / std::max(left, 1.0 / Memory)));
  }

 private:
  static constexpr int Memory = 32;
  static constexpr int EnoughGaps = 4;

  [[nodiscard]] Duration after_gaps(double gaps) const {
    if (gaps_ < EnoughGaps) return Duration::zero();
    const double ns = mean_ns_ * gaps;
    return ns < static_cast<double>(LongestPrediction.count()) ? Duration(static_cast<std::int64_t>(ns)) : LongestPrediction;
  }

  Instant last_{};
  double mean_ns_ = 0;
  std::array<double, Priorities> shares_{};
  int gaps_ = 0;
  int departures_ = 0;
  bool last_known_ = false;
};

}  // namespace evener::route
