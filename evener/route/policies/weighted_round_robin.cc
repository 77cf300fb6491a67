#include "evener/route/policies/weighted_round_robin.h"

namespace evener::route {

std::string_view WeightedRoundRobin::name() const { return policy_name(PolicyKind::WeightedRoundRobin); }

std::uint32_t WeightedRoundRobin::choose(const RequestView&, const PoolView& view, Rng&) {
  double total = 0;
  double greatest = 0;
  std::uint32_t chosen = view.candidates.front();
  bool first = true;
  for (std::uint32_t index : view.candidates) {
    const double weight = view.endpoints[index].weight;
    const double value = current_[index] += weight;
    total += weight;
    if (first || value > greatest) {
      greatest = value;
      chosen = index;
      first = false;
    }
  }
  current_[chosen] -= total;
  return chosen;
}

void WeightedRoundRobin::on_membership(const PoolView& view) { current_.follow(view.endpoints, 0.0); }

}  // namespace evener::route
