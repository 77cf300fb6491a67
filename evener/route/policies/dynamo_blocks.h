#pragma once
// What NVIDIA Dynamo's router counts of an endpoint, the request's own part included, per weight: blocks of prompts to compute and of prompts that
// are being decoded. In tokens of prompts; Dynamo also counts answers as they grow, which a gateway does not see of other gateways' requests.

#include "evener/route/request_cost.h"

namespace evener::route {

struct DynamoBlocks {
  static constexpr double Tokens = 64;  // of a block

  double to_compute = 0, decoding = 0;
};

[[nodiscard]] inline DynamoBlocks dynamo_blocks(const RequestView& request, const PoolView& view, std::uint32_t index) {
  const EndpointView& endpoint = view.endpoints[index];
  const double per = DynamoBlocks::Tokens * endpoint.weight;
  return {.to_compute = (static_cast<double>(endpoint.in_flight_uncached_tokens) + uncached_tokens(request, view, index)) / per,
          .decoding = (static_cast<double>(endpoint.in_flight_prompt_tokens) + request.prompt_tokens) / per};
}

}  // namespace evener::route
