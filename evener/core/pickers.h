#pragma once
// WeightedPicker: draws positions in proportion to their weights. Building it is O(n), one draw is O(1) when all weights are equal and
// O(log n) otherwise. It knows nothing of what stands at a position.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "evener/core/rng.h"

namespace evener {

/// Not thread-safe. Keeps its memory between builds.
class WeightedPicker {
 public:
  void clear() {
    ends_.clear();
    equal_ = true;
  }

  /// Weights must be above 0 and finite.
  void add(double weight) {
    if (!ends_.empty() && weight != ends_.front()) equal_ = false;
    ends_.push_back(total() + weight);
  }

  [[nodiscard]] std::size_t size() const { return ends_.size(); }
  [[nodiscard]] double total() const { return ends_.empty() ? 0.0 : ends_.back(); }

  /// A position in proportion to its weight. The picker must not be empty.
  [[nodiscard]] std::uint32_t pick(Rng& rng) const {
    if (equal_) return static_cast<std::uint32_t>(rng.below(ends_.size()));
    return position(rng.uniform() * total());
  }

  /// A position other than `first`, the others in proportion to their weights, by one draw. At least two positions.
  [[nodiscard]] std::uint32_t pick_other(Rng& rng, std::uint32_t first) const {
    if (equal_) {
      const auto drawn = static_cast<std::uint32_t>(rng.below(ends_.size() - 1));
      return drawn < first ? drawn : drawn + 1;
    }
    const double begin = first == 0 ? 0.0 : ends_[first - 1];
    const double own = ends_[first] - begin;
    double point = rng.uniform() * (total() - own);
    if (point >= begin) point += own;
    const std::uint32_t drawn = position(point);
    if (drawn != first) return drawn;
    // Rounding can land on the seam of `first`; its neighbour owns that point.
    return first + 1 < ends_.size() ? first + 1 : first - 1;
  }

 private:
  [[nodiscard]] std::uint32_t position(double point) const {
    const auto found = std::upper_bound(ends_.begin(), ends_.end(), point);
    const auto drawn = static_cast<std::uint32_t>(found - ends_.begin());
    return std::min(drawn, static_cast<std::uint32_t>(ends_.size() - 1));
  }

  std::vector<double> ends_;  // ends_[i] = sum of the weights 0..i
  bool equal_ = true;
};

}  // namespace evener
