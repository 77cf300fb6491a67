#include "evener/route/policies/aibrix_prefix_cache.h"

#include <algorithm>
#include <cmath>

#include "evener/route/policies/load.h"

namespace evener::route {

std::string_view AibrixPrefixCache::name() const { return policy_name(PolicyKind::AibrixPrefixCache); }

std::uint32_t AibrixPrefixCache::choose(const RequestView&, const PoolView& view, Rng& rng) {
  const auto candidates = sample_.of(view, rng);
  const auto load = [&](std::uint32_t index) { return load_of(view.endpoints[index]); };
  double fewest = load(candidates.front()), most = fewest, sum = 0, squares = 0;
  for (const std::uint32_t index : candidates) {
    const double one = load(index);
    fewest = std::min(fewest, one);
    most = std::max(most, one);
    sum += one;
    squares += one * one;
  }
  if (most - fewest > ImbalanceMax) return sample_.lowest(candidates, rng, load);

  const double count = static_cast<double>(candidates.size()), mean = sum / count;
  const double bound = mean + DeviationsMax * std::sqrt(std::max(0.0, squares / count - mean * mean));
  // Rounding must not leave out those that are all at the mean.
  const auto acceptable = [&](std::uint32_t index) { return load(index) <= bound * (1 + 1e-9); };
  std::uint32_t held = 0;
  for (const std::uint32_t index : candidates) {
    if (acceptable(index)) held = std::max(held, view.cached(index));
  }
  return sample_.lowest(candidates, rng,
                        [&](std::uint32_t index) { return acceptable(index) && view.cached(index) == held ? load(index) : CostOfLast; });
}

std::optional<double> AibrixPrefixCache::cost(const RequestView&, const PoolView& view, std::uint32_t index) const {
  return load_of(view.endpoints[index]);
}

}  // namespace evener::route
