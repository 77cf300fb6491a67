#pragma once
// What happened during the latest while: the mean of a measure, and the least and greatest of the recommendations. Bounded, as readings
// come at most one in ReadingGapMin and windows are at most WindowMax long.

#include <algorithm>
#include <cstdint>
#include <deque>

#include "evener/route/autoscale/reading.h"

namespace evener::route::autoscale {

/// Mean of the values of the latest `window`, all with the same weight: readings come at a steady pace.
class TrailingMean {
 public:
  explicit TrailingMean(Duration window) : window_(std::min(window, WindowMax)) {}

  /// Returns the mean with it.
  double add(Instant now, double value) {
    values_.push_back({now, value});
    while (values_.front().at <= now - window_ && values_.size() > 1) values_.pop_front();
    double sum = 0;
    for (const Value& each : values_) sum += each.value;
    return sum / static_cast<double>(values_.size());
  }

 private:
  struct Value {
    Instant at;
    double value;
  };
  Duration window_;
  std::deque<Value> values_;
};

/// The recommendations of the latest while.
class Recommendations {
 public:
  void add(Instant now, std::uint32_t replicas) {
    values_.push_back({now, replicas});
    while (values_.front().at < now - WindowMax) values_.pop_front();
  }
  [[nodiscard]] bool empty() const { return values_.empty(); }
  [[nodiscard]] std::uint32_t least(Instant since) const {
    std::uint32_t found = values_.empty() ? 0 : values_.back().replicas;
    for (auto each = values_.rbegin(); each != values_.rend() && each->at > since; ++each) found = std::min(found, each->replicas);
    return found;
  }
  [[nodiscard]] std::uint32_t greatest(Instant since) const {
    std::uint32_t found = values_.empty() ? 0 : values_.back().replicas;
    for (auto each = values_.rbegin(); each != values_.rend() && each->at > since; ++each) found = std::max(found, each->replicas);
    return found;
  }

 private:
  struct Value {
    Instant at;
    std::uint32_t replicas;
  };
  std::deque<Value> values_;
};

}  // namespace evener::route::autoscale
