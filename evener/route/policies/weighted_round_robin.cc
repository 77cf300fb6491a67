#include "evener/route/policies/weighted_round_robin.h"

#include "evener/route/policies/smooth_turn.h"

namespace evener::route {

std::string_view WeightedRoundRobin::name() const { return policy_name(PolicyKind::WeightedRoundRobin); }

std::uint32_t WeightedRoundRobin::choose(const RequestView&, const PoolView& view, Rng&) {
  return smooth_turn(
      view.candidates, [&](std::uint32_t index) { return view.endpoints[index].weight; },
      [&](std::uint32_t index) -> double& { return current_[index]; });
}

void WeightedRoundRobin::on_membership(const PoolView& view) { current_.follow(view.endpoints, 0.0); }

}  // namespace evener::route
