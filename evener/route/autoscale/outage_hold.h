#pragma once
// OutageHold: a load that is suddenly nearly gone is taken for an outage somewhere before the pool, not for a load that has fallen: for a
// while the load from before it is believed instead. When the outage ends everything comes back at once, far sooner than replicas start;
// and forecasters that have seen the outage expect the next one.

#include <algorithm>
#include <cstddef>

namespace evener::route::autoscale {

class OutageHold {
 public:
  static constexpr double Collapsed = 0.25;  // share of the usual load below which it is an outage

  /// `held` steps of outage are bridged; after as many the low load is believed. 0 = none. `memory` >= 1 steps make the usual load.
  OutageHold(std::size_t held, std::size_t memory) : held_(held), memory_(static_cast<double>(memory)) {}

  /// The load to believe, given that of the latest step.
  double believe(double load) {
    if (usual_ > 0 && load < Collapsed * usual_ && out_ < held_) {
      ++out_;
      return usual_;
    }
    if (out_ == held_ && load < Collapsed * usual_) seen_ = 0;  // it is the new usual
    out_ = 0;
    seen_ = std::min(seen_ + 1, memory_);
    usual_ += (load - usual_) / seen_;
    return load;
  }

  [[nodiscard]] bool holding() const { return out_ > 0; }

 private:
  std::size_t held_;
  double memory_;
  std::size_t out_ = 0;  // steps of the outage so far
  double usual_ = 0;
  double seen_ = 0;
};

}  // namespace evener::route::autoscale
