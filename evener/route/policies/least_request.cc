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
    const double load = load_of(view.endpoints[index]);
    if (load > least) return;
    const double start = std::max(turn_end_[index], turn_now_);
    if (load == least && start >= turn) return;
    least = load;
    turn = start;
    chosen = index;
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
