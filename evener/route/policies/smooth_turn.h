#pragma once
// A turn of smooth weighted round robin, as nginx has it: every candidate gains its weight, the one with most has the turn and gives back what all
// gained. So each has its share of the turns, spread as evenly as can be.

#include <cstdint>
#include <span>

namespace evener::route {

/// The candidate whose turn it is; of equals the first. `weight_of(index)` is its weight, `current_of(index)` a reference to what it has gained so far;
/// there is at least one candidate.
template <class WeightOf, class CurrentOf>
std::uint32_t smooth_turn(std::span<const std::uint32_t> candidates, WeightOf weight_of, CurrentOf current_of) {
  double total = 0, greatest = 0;
  std::uint32_t chosen = candidates.front();
  bool first = true;
  for (const std::uint32_t index : candidates) {
    const double weight = weight_of(index);
    const double value = current_of(index) += weight;
    total += weight;
    if (first || value > greatest) {
      greatest = value;
      chosen = index;
      first = false;
    }
  }
  current_of(chosen) -= total;
  return chosen;
}

}  // namespace evener::route
