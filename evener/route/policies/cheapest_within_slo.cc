#include "evener/route/policies/cheapest_within_slo.h"

#include <limits>

#include "evener/route/request_cost.h"
#include "evener/route/speed.h"

namespace evener::route {

std::string_view CheapestWithinSlo::name() const { return policy_name(PolicyKind::CheapestWithinSlo); }

std::uint32_t CheapestWithinSlo::choose(const RequestView& request, const PoolView& view, Rng& rng) {
  const auto candidates = sample_.of(view, rng);
  double price = std::numeric_limits<double>::infinity();
  cheapest_.clear();
  for (const std::uint32_t index : candidates) {
    if (!meets_objectives(request, view, index)) continue;
    const double this_price = request_price(request, view.endpoints[index]);
    if (this_price > price) continue;
    if (this_price < price) cheapest_.clear();
    price = this_price;
    cheapest_.push_back(index);
  }
  const std::span<const std::uint32_t> compared = cheapest_.empty() ? candidates : std::span<const std::uint32_t>(cheapest_);
  return least_waiting(sample_, compared, request, view, rng);
}

std::optional<double> CheapestWithinSlo::cost(const RequestView& request, const PoolView& view, std::uint32_t index) const {
  if (!meets_objectives(request, view, index)) return std::nullopt;
  return request_price(request, view.endpoints[index]);
}

}  // namespace evener::route
