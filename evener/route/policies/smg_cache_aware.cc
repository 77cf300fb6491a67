#include "evener/route/policies/smg_cache_aware.h"

#include <algorithm>

namespace evener::route {
namespace {

// With this request, so that an idle pool follows the weights, too.
double load_with(const EndpointView& endpoint) { return (endpoint.in_flight + 1.0) / endpoint.weight; }

}  // namespace

std::string_view SmgCacheAware::name() const { return policy_name(PolicyKind::SmgCacheAware); }

std::uint32_t SmgCacheAware::choose(const RequestView& request, const PoolView& view, Rng& rng) {
  const auto candidates = sample_.of(view, rng);
  const auto load = [&](std::uint32_t index) { return load_with(view.endpoints[index]); };
  std::uint32_t fewest = view.endpoints[candidates.front()].in_flight, most = fewest, held = 0;
  for (const std::uint32_t index : candidates) {
    fewest = std::min(fewest, view.endpoints[index].in_flight);
    most = std::max(most, view.endpoints[index].in_flight);
    held = std::max(held, view.cached(index));
  }
  const bool unbalanced = most - fewest > BalanceAbsolute && most > BalanceRelative * fewest;
  if (unbalanced || held <= CacheThreshold * request.prompt_tokens) return sample_.lowest(candidates, rng, load);
  return sample_.lowest(candidates, rng, [&](std::uint32_t index) { return view.cached(index) == held ? load(index) : CostOfLast; });
}

std::optional<double> SmgCacheAware::cost(const RequestView&, const PoolView& view, std::uint32_t index) const {
  return load_with(view.endpoints[index]);
}

}  // namespace evener::route
