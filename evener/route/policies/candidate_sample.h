#pragma once
// CandidateSample: which candidates of a large pool are worth a close look. Up to LookAtAll of them all are; beyond that, those that hold some
// of the prompt (at most HoldersMax) and DrawnMax others by chance. The best of so many draws is among the best per cent of the pool, and a
// choice among 4,000 costs no more than one among a few hundred.

#include <cstdint>
#include <span>
#include <vector>

#include "evener/core/rng.h"
#include "evener/route/view.h"

namespace evener::route {

/// Not thread-safe. The span is valid until the next call.
class CandidateSample {
 public:
  static constexpr std::size_t LookAtAll = 192;
  static constexpr std::size_t HoldersMax = 64;
  static constexpr std::size_t DrawnMax = 96;

  std::span<const std::uint32_t> of(const PoolView& view, Rng& rng) {
    if (view.candidates.size() <= LookAtAll) return view.candidates;
    sample_.clear();
    if (!view.cached_tokens.empty()) {
      for (const std::uint32_t index : view.candidates) {
        if (view.cached_tokens[index] > 0 && sample_.size() < HoldersMax) sample_.push_back(index);
      }
    }
    for (std::size_t i = 0; i < DrawnMax; ++i) sample_.push_back(view.candidates[rng.below(view.candidates.size())]);
    return sample_;
  }

 private:
  std::vector<std::uint32_t> sample_;
};

/// The candidate with the lowest cost(index); equal costs are broken by chance, so that no endpoint is everybody's first choice.
template <class Cost>
std::uint32_t lowest(std::span<const std::uint32_t> candidates, Rng& rng, Cost cost) {
  std::uint32_t best = candidates.front();
  double least = cost(best);
  std::uint64_t ties = 1;
  for (const std::uint32_t index : candidates.subspan(1)) {
    const double this_cost = cost(index);
    if (this_cost < least) {
      least = this_cost;
      best = index;
      ties = 1;
    } else if (this_cost == least && rng.below(++ties) == 0) {
      best = index;
    }
  }
  return best;
}

}  // namespace evener::route
