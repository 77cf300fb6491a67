#include "evener/route/policies/least_load.h"

#include <algorithm>

#include "evener/route/policies/load.h"

namespace evener::route {
namespace {

constexpr double MeanPrefillTokens = 1024;  // of a request whose tokens nobody told: SMG's figure

double load_seconds(const PoolView& view, std::uint32_t index) {
  const EndpointView& endpoint = view.endpoints[index];
  const double rate = endpoint.speed.prefill_s_per_token > 0 ? 1.0 / endpoint.speed.prefill_s_per_token
                                                             : LeastLoad::TokensPerSecond * endpoint.weight_configured;
  if (!endpoint.report) return load_of(endpoint) * MeanPrefillTokens / rate;
  const double queued = endpoint.report->waiting_tokens.value_or(endpoint.report->waiting.value_or(0) * MeanPrefillTokens);
  const double kv = std::clamp(endpoint.report->kv_used.value_or(0), 0.0, 0.999);
  return (queued + static_cast<double>(endpoint.tokens_since_report)) / rate + LeastLoad::KvPenalty_s * kv / (1.0 - kv);
}

}  // namespace

std::string_view LeastLoad::name() const { return policy_name(PolicyKind::LeastLoad); }

std::uint32_t LeastLoad::choose(const RequestView&, const PoolView& view, Rng& rng) {
  return lowest(sample_.of(view, rng), rng, [&](std::uint32_t index) { return load_seconds(view, index); });
}

std::optional<double> LeastLoad::cost(const RequestView&, const PoolView& view, std::uint32_t index) const {
  return load_seconds(view, index);
}

}  // namespace evener::route
