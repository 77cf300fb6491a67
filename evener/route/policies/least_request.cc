#include "evener/route/policies/least_request.h"

#include <algorithm>
#include <limits>

#include "evener/route/policies/load.h"

namespace evener::route {

std::string_view LeastRequest::name() const { return policy_name(PolicyKind::LeastRequest); }

std::uint32_t LeastRequest::choose(const RequestView&, const PoolView& view, Rng&) {
  double least = std::numeric_limits<double>::infinity();
  double turn = 0;
  std::uint32_t chosen = view.candidates.front();
  const auto consider = [&](std::uint32_t index) {
    // Selects instead of branches: which endpoints are idle is random, and mispredictions made 100 endpoints take 680 ns, not 280.
    const double load = load_of(view.endpoints[index]);
    const double start = std::max(turn_end_[index], turn_now_);
    const bool better = static_cast<int>(load < least) | (static_cast<int>(load == least) & static_cast<int>(start < turn));
    least = better ? load : least;
    turn = better ? start : turn;
    chosen = better ? index : chosen;
  };

  const auto begin = std::upper_bound(view.candidates.begin(), view.candidates.end(), last_,
                                      [&](EndpointId last, std::uint32_t index) { return last < view.endpoints[index].id; });
  for (auto at = begin; at != view.candidates.end(); ++at) consider(*at);
  for (auto at = view.candidates.begin(); at != begin; ++at) consider(*at);

  turn_now_ = turn;
  turn_end_[chosen] = turn + 1.0 / view.endpoints[chosen].weight;
  last_ = view.endpoints[chosen].id;
  return chosen;
}

std::optional<double> LeastRequest::cost(const RequestView&, const PoolView& view, std::uint32_t index) const {
  return load_of(view.endpoints[index]);
}

void LeastRequest::on_membership(const PoolView& view) { turn_end_.follow(view.endpoints, 0.0); }

}  // namespace evener::route
