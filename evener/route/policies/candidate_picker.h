#pragma once
// CandidatePicker: a WeightedPicker over the candidates of a view, rebuilt only when they or their weights changed.

#include <cstdint>

#include "evener/core/pickers.h"
#include "evener/route/view.h"

namespace evener::route {

/// Not thread-safe. Positions are positions in view.candidates.
class CandidatePicker {
 public:
  const WeightedPicker& of(const PoolView& view) {
    if (view.generation == 0 || view.generation != built_for_) {
      picker_.clear();
      for (std::uint32_t index : view.candidates) picker_.add(view.endpoints[index].weight);
      built_for_ = view.generation;
    }
    return picker_;
  }

 private:
  WeightedPicker picker_;
  std::uint64_t built_for_ = 0;
};

}  // namespace evener::route
