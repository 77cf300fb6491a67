#include "evener/route/policies/sticky_until_saturated.h"

#include <algorithm>

namespace evener::route {
namespace {

constexpr double TieBreak = 0.001;

double tokens_with(const RequestView& request, const PoolView& view, std::uint32_t index) {
  const EndpointView& endpoint = view.endpoints[index];
  const double uncached = static_cast<double>(request.prompt_tokens - std::min(request.prompt_tokens, view.cached(index)));
  return (static_cast<double>(endpoint.in_flight_uncached_tokens) + uncached + TieBreak * endpoint.in_flight) / endpoint.weight;
}

}  // namespace

std::string_view StickyUntilSaturated::name() const { return policy_name(PolicyKind::StickyUntilSaturated); }

std::uint32_t StickyUntilSaturated::choose(const RequestView& request, const PoolView& view, Rng& rng) {
  warm_.clear();
  cold_.clear();
  for (const std::uint32_t index : sample_.of(view, rng)) {
    const bool warm = request.prompt_tokens > 0 && view.cached(index) >= AffinityMin * request.prompt_tokens;
    (warm ? warm_ : cold_).push_back(index);
  }
  const auto cost = [&](std::uint32_t index) { return tokens_with(request, view, index); };
  if (warm_.empty()) return lowest(cold_, rng, cost);
  const std::uint32_t warm = lowest(warm_, rng, cost);
  if (cold_.empty()) return warm;
  const auto in_flight = [&](std::uint32_t index) {
    return static_cast<double>(view.endpoints[index].in_flight_uncached_tokens) / view.endpoints[index].weight;
  };
  const std::uint32_t idlest = lowest(cold_, rng, in_flight);
  return in_flight(warm) - in_flight(idlest) > ReleaseTokens ? lowest(cold_, rng, cost) : warm;
}

std::optional<double> StickyUntilSaturated::cost(const RequestView& request, const PoolView& view, std::uint32_t index) const {
  return tokens_with(request, view, index);
}

}  // namespace evener::route
