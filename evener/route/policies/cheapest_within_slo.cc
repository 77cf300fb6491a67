#include "evener/route/policies/cheapest_within_slo.h"

#include <limits>

#include "evener/route/request_cost.h"
#include "evener/route/speed.h"

namespace evener::route {
namespace {

bool meets_objectives(const RequestView& request, const PoolView& view, std::uint32_t index) {
  const EndpointView& endpoint = view.endpoints[index];
  const Prediction prediction =
      predict(endpoint, believed_speed(endpoint, view), uncached_tokens(request, view, index), foreign_trust(endpoint, view.now));
  if (request.first_token_objective > Duration::zero() && prediction.first_token_s > seconds(request.first_token_objective)) return false;
  return request.token_objective == Duration::zero() || prediction.token_s <= seconds(request.token_objective);
}

}  // namespace

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
