#include "evener/route/policies/round_robin.h"

#include <algorithm>

namespace evener::route {

std::string_view RoundRobin::name() const { return policy_name(PolicyKind::RoundRobin); }

std::uint32_t RoundRobin::choose(const RequestView&, const PoolView& view, Rng&) {
  auto next = view.candidates.begin();
  if (last_) {
    next = std::upper_bound(view.candidates.begin(), view.candidates.end(), *last_,
                            [&](EndpointId last, std::uint32_t index) { return last < view.endpoints[index].id; });
    if (next == view.candidates.end()) next = view.candidates.begin();
  }
  last_ = view.endpoints[*next].id;
  return *next;
}

}  // namespace evener::route
