#pragma once
// QueuePace: how fast a queue has been moving, for predictions of a wait and a truthful Retry-After: the mean time between two requests that
// ended while others waited, and how many requests of each class came meanwhile. Forgets with the count of events and not with time, as an
// idle hour says nothing about the next rush.

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>

#include "evener/core/time.h"
#include "evener/route/fair_queue.h"
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
  /// What more urgent requests leave of the pace at the least: promoted ones get so much, see FairQueue.
  static constexpr double LeastLeft = 1.0 / FairQueue::PromotedTurn;

  /// A request ended while others waited.
  void ended(Instant now) {
    if (last_known_) mean_ns_ += (static_cast<double>((now - last_).count()) - mean_ns_) * (gaps_ < Memory ? 1.0 / ++gaps_ : 1.0 / Memory);
    last_ = now;
    last_known_ = true;
    // From zero and not from the first figure: a burst has come before anything ended, and must not count as what comes all the time.
    for (std::size_t i = 0; i < Priorities; ++i) arrivals_per_end_[i] += (came_[i] - arrivals_per_end_[i]) / Memory;
    came_ = {};
  }
  /// A request of the class got a place in the queue, or went past those who wait.
  void came(Priority priority) { ++came_[static_cast<std::size_t>(priority)]; }
  /// The queue ran empty. The time until it fills again is not a gap, who will come then is not known, and how fast it was counts for little.
  void emptied() {
    last_known_ = false;
    gaps_ = std::min(gaps_, EnoughGaps);
    arrivals_per_end_ = came_ = {};
  }

  /// How long until all that are ahead of a request of the class have gone; 0 = unknown, as too few have gone so far. More urgent requests that
  /// come meanwhile go first, too: the class moves with the share of the pace that they leave.
  [[nodiscard]] Duration until_turn(const QueueAhead& ahead, Priority priority, Instant now) const {
    if (gaps_ < EnoughGaps) return Duration::zero();
    double left = 1.0;
    for (std::size_t i = 0; i < static_cast<std::size_t>(priority); ++i) left -= arrivals_per_end_[i];
    const double ns = gap_ns(now) * static_cast<double>(ahead.more_urgent + ahead.same_class) / std::max(left, LeastLeft);
    return ns < static_cast<double>(LongestPrediction.count()) ? Duration(static_cast<std::int64_t>(ns)) : LongestPrediction;
  }

 private:
  static constexpr int Memory = 32;
  static constexpr int EnoughGaps = 4;

  /// The mean gap, with the present one once that is longer: a queue that has stopped says so before it moves again.
  [[nodiscard]] double gap_ns(Instant now) const {
    const double open = last_known_ ? static_cast<double>((now - last_).count()) : 0.0;
    return mean_ns_ + std::max(open - mean_ns_, 0.0) / Memory;
  }

  Instant last_{};
  double mean_ns_ = 0;
  std::array<double, Priorities> arrivals_per_end_{};
  std::array<double, Priorities> came_{};  // since the last end
  int gaps_ = 0;
  bool last_known_ = false;
};

}  // namespace evener::route
