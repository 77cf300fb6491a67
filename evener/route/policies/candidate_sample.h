#pragma once
// CandidateSample: which candidates of a large pool are worth a close look. Up to LookAtAll of them all are; beyond that, those that hold much
// of the prompt (at most HoldersMax, from a place drawn by chance, so that a beginning common to all does not make a few endpoints everybody's
// choice) and DrawnMax others by chance. The best of so many draws is among the best per cent of the pool, and a choice among 4,000 costs no
// more than one among a few hundred. It also finds the best of them.

#include <algorithm>
#include <cstdint>
#include <span>
#include <vector>

#include "evener/core/rng.h"
#include "evener/route/policy.h"

namespace evener::route {

/// Not thread-safe. The span is valid until the next call.
class CandidateSample {
 public:
  static constexpr std::size_t LookAtAll = 192;
  static constexpr std::size_t HoldersMax = 64;
  static constexpr std::size_t DrawnMax = 96;
  static constexpr double MuchShare = 0.5;  // of what the best holder holds

  std::span<const std::uint32_t> of(const PoolView& view, Rng& rng) {
    if (view.candidates.size() <= LookAtAll) return view.candidates;
    sample_.clear();
    add_holders(view, rng);
    for (std::size_t i = 0; i < DrawnMax; ++i) sample_.push_back(view.candidates[rng.below(view.candidates.size())]);
    return sample_;
  }

  /// The candidate with the lowest cost(index); equal costs are broken by chance, so that no endpoint is everybody's first choice. The costs
  /// are kept for compared().
  template <class Cost>
  std::uint32_t lowest(std::span<const std::uint32_t> candidates, Rng& rng, Cost cost) {
    looked_at_ = candidates;
    costs_.resize(candidates.size());
    std::uint32_t best = candidates.front();
    double least = costs_[0] = cost(best);
    std::uint64_t ties = 1;
    for (std::size_t i = 1; i < candidates.size(); ++i) {
      const double this_cost = costs_[i] = cost(candidates[i]);
      if (this_cost < least) {
        least = this_cost;
        best = candidates[i];
        ties = 1;
      } else if (this_cost == least && rng.below(++ties) == 0) {
        best = candidates[i];
      }
    }
    return best;
  }

  /// The candidate with the lowest second(index) of those whose cost(index, first(index)), at least 0, is at most `alike` above the lowest, as a
  /// share of it; equal ones are broken by chance. The costs are kept for compared(). first() is called for all before any cost(): a processor
  /// overlaps many short chains of arithmetic, such as powers, but not two long ones.
  template <class First, class Cost, class Second>
  std::uint32_t lowest(std::span<const std::uint32_t> candidates, Rng& rng, double alike, First first, Cost cost, Second second) {
    looked_at_ = candidates;
    costs_.resize(candidates.size());
    std::transform(candidates.begin(), candidates.end(), costs_.begin(), first);
    std::transform(candidates.begin(), candidates.end(), costs_.begin(), costs_.begin(), cost);
    const auto lowest_cost = std::min_element(costs_.begin(), costs_.end());
    const double most = (1 + alike) * *lowest_cost;
    std::uint32_t best = candidates[static_cast<std::size_t>(lowest_cost - costs_.begin())];
    auto least = second(best);
    std::uint64_t ties = 0;
    for (std::size_t i = 0; i < candidates.size(); ++i) {
      if (costs_[i] > most) continue;
      const auto this_second = second(candidates[i]);
      if (this_second < least) {
        least = this_second;
        best = candidates[i];
        ties = 1;
      } else if (this_second == least && rng.below(++ties) == 0) {
        best = candidates[i];
      }
    }
    return best;
  }

  /// Of the latest lowest().
  [[nodiscard]] Compared compared() const { return {.indices = looked_at_, .costs = costs_}; }

 private:
  void add_holders(const PoolView& view, Rng& rng) {
    if (view.cached_tokens.empty()) return;
    std::uint32_t most = 0;
    for (const std::uint32_t index : view.candidates) most = std::max(most, view.cached_tokens[index]);
    if (most == 0) return;
    const auto much = static_cast<std::uint32_t>(std::max(1.0, most * MuchShare));
    const std::size_t size = view.candidates.size();
    std::size_t at = rng.below(size);
    for (std::size_t seen = 0; seen < size && sample_.size() < HoldersMax; ++seen, at = at + 1 < size ? at + 1 : 0) {
      const std::uint32_t index = view.candidates[at];
      if (view.cached_tokens[index] >= much) sample_.push_back(index);
    }
  }

  std::vector<std::uint32_t> sample_;
  std::span<const std::uint32_t> looked_at_;
  std::vector<double> costs_;
};

}  // namespace evener::route
