#include "evener/route/policies/dynamo_cost.h"

#include "evener/route/request_cost.h"

namespace evener::route {
namespace {

double blocks_with(const RequestView& request, const PoolView& view, std::uint32_t index) {
  const EndpointView& endpoint = view.endpoints[index];
  const double prompt = request.prompt_tokens;
  const double to_compute = static_cast<double>(endpoint.in_flight_uncached_tokens) + uncached_tokens(request, view, index);
  const double decoding = static_cast<double>(endpoint.in_flight_prompt_tokens) + prompt;
  return (to_compute + decoding) / DynamoCost::BlockTokens / endpoint.weight;
}

}  // namespace

std::string_view DynamoCost::name() const { return policy_name(PolicyKind::DynamoCost); }

std::uint32_t DynamoCost::choose(const RequestView& request, const PoolView& view, Rng& rng) {
  return sample_.lowest(sample_.of(view, rng), rng, [&](std::uint32_t index) { return blocks_with(request, view, index); });
}

std::optional<double> DynamoCost::cost(const RequestView& request, const PoolView& view, std::uint32_t index) const {
  return blocks_with(request, view, index);
}

}  // namespace evener::route
