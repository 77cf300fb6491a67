#include "evener/route/policies/sticky_until_saturated.h"

#include <algorithm>

#include "evener/route/request_cost.h"

namespace evener::route {
namespace {

constexpr double TieBreak = 0.001;

double tokens_with(const RequestView& request, const PoolView& view, std::uint32_t index) {
  const EndpointView& endpoint = view.endpoints[index];
  const double tokens = static_cast<double>(endpoint.in_flight_uncached_tokens) + uncached_tokens(request, view, index);
  return (tokens + TieBreak * (endpoint.in_flight + 1)) / endpoint.weight;
}

}  // namespace

std::string_view StickyUntilSaturated::name() const { return policy_name(PolicyKind::StickyUntilSaturated); }

std::uint32_t StickyUntilSaturated::choose(const RequestView& request, const PoolView& view, Rng& rng) {
  warm_.clear();
  cold_.clear();
  const std::span<const std::uint32_t> candidates = sample_.of(view, rng);
  for (const std::uint32_t index : candidates) {
    const bool warm = prefix_share(request, view, index) >= AffinityMin;
    (warm ? warm_ : cold_).push_back(index);
  }
  const auto cost = [&](std::uint32_t index) { return tokens_with(request, view, index); };
  if (warm_.empty()) return sample_.lowest(cold_, rng, cost);
  if (cold_.empty()) return sample_.lowest(warm_, rng, cost);
  const auto in_flight = [&](std::uint32_t index) {
    return static_cast<double>(view.endpoints[index].in_flight_uncached_tokens) / view.endpoints[index].weight;
  };
  const auto least = [&](std::span<const std::uint32_t> some) {
    return in_flight(*std::min_element(some.begin(), some.end(), [&](auto a, auto b) { return in_flight(a) < in_flight(b); }));
  };
  return sample_.lowest(least(warm_) - least(cold_) > ReleaseTokens ? candidates : std::span<const std::uint32_t>(warm_), rng, cost);
}

std::optional<double> StickyUntilSaturated::cost(const RequestView& request, const PoolView& view, std::uint32_t index) const {
  return tokens_with(request, view, index);
}

}  // namespace evener::route
