#pragma once
// What a request costs and asks for, in figures by which endpoints are compared: money, and the strength that suits it.

#include <algorithm>

#include "evener/route/view.h"

namespace evener::route {

/// In the currency of the configured prices; 0 for endpoints without a price.
[[nodiscard]] inline double request_price(const RequestView& request, const EndpointView& endpoint) {
  return (endpoint.input_price * request.prompt_tokens + endpoint.output_price * request.output_tokens) / 1e6;
}

/// 0..1: the share of the strongest endpoint's strength that suits the request. Long prompts and urgent ones ask for strong endpoints, so that
/// light ones leave those free for them; a prompt of HeavyPromptTokens asks for the strongest.
inline constexpr double HeavyPromptTokens = 8192;
[[nodiscard]] inline double strength_wanted(const RequestView& request) {
  const double heavy = std::min(1.0, request.prompt_tokens / HeavyPromptTokens);
  return request.priority == Priority::Realtime ? std::max(heavy, 0.5) : heavy;
}

}  // namespace evener::route
