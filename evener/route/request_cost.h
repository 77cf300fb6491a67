#pragma once
// What a request costs and asks for, in figures by which endpoints are compared: tokens to compute, money, and the strength that suits it.

#include <algorithm>

#include "evener/route/view.h"

namespace evener::route {

/// Prompt tokens that the endpoint would probably have to compute.
[[nodiscard]] inline double uncached_tokens(const RequestView& request, const PoolView& view, std::uint32_t index) {
  return static_cast<double>(request.prompt_tokens - std::min(request.prompt_tokens, view.cached(index)));
}

/// 0..1: the share of the prompt's full blocks that the endpoint probably holds, as other gateways count it: what is behind the last full block
/// cannot be found by anybody. 0 where the prompt has none.
[[nodiscard]] inline double prefix_share(const RequestView& request, const PoolView& view, std::uint32_t index) {
  const double findable =
      request.blocks.empty() || request.block_tokens == 0
          ? static_cast<double>(request.prompt_tokens)
          : std::min(static_cast<double>(request.blocks.size()) * request.block_tokens, static_cast<double>(request.prompt_tokens));
  return findable > 0 ? std::min(view.cached(index) / findable, 1.0) : 0.0;
}

/// How much longer than at full weight an endpoint is to be taken for while it starts slowly; 1 when it does not.
[[nodiscard]] inline double slow_start_factor(const EndpointView& endpoint) { return endpoint.weight_configured / endpoint.weight; }

/// In the currency of the configured prices; 0 for endpoints without a price.
[[nodiscard]] inline double request_price(const RequestView& request, const EndpointView& endpoint) {
  const double tokens = endpoint.input_price * request.prompt_tokens + endpoint.output_price * request.output_tokens;
  return tokens / 1e6 + endpoint.price_per_request;
}

/// 0..1: the share of the strongest endpoint's strength that suits the request. Long prompts and urgent ones ask for strong endpoints, so that
/// light ones leave those free for them; a prompt of HeavyPromptTokens asks for the strongest.
inline constexpr double HeavyPromptTokens = 8192;
[[nodiscard]] inline double strength_wanted(const RequestView& request) {
  const double heavy = std::min(1.0, request.prompt_tokens / HeavyPromptTokens);
  return request.priority == Priority::Realtime ? std::max(heavy, 0.5) : heavy;
}

}  // namespace evener::route
