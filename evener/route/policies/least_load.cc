#include "evener/route/policies/least_load.h"

#include <algorithm>

#include "evener/route/request_cost.h"
#include "evener/route/speed.h"

namespace evener::route {
namespace {

double load_seconds(const PoolView& view, std::uint32_t index) {
  const EndpointView& endpoint = view.endpoints[index];
  const double learned = believed_speed(endpoint, view).prefill_s_per_token;
  const double s_per_token =
      (learned > 0 ? learned : 1.0 / (LeastLoad::TokensPerSecond * endpoint.weight_configured)) * slow_start_factor(endpoint);
  const auto& report = endpoint.report;
  if (!report || view.now - report->at > LeastLoad::FreshMax || (!report->waiting_tokens && !report->waiting)) {
    return endpoint.in_flight * LeastLoad::MeanPrefillTokens * s_per_token;
  }
  const double queued = report->waiting_tokens ? *report->waiting_tokens : *report->waiting * LeastLoad::MeanPrefillTokens;
  const double kv = std::clamp(report->kv_used.value_or(0), 0.0, 0.999);
  return (queued + static_cast<double>(endpoint.tokens_since_report)) * s_per_token + LeastLoad::KvPenalty_s * kv / (1.0 - kv);
}

}  // namespace

std::string_view LeastLoad::name() const { return policy_name(PolicyKind::LeastLoad); }

std::uint32_t LeastLoad::choose(const RequestView&, const PoolView& view, Rng& rng) {
  return sample_.lowest(sample_.of(view, rng), rng, [&](std::uint32_t index) { return load_seconds(view, index); });
}

std::optional<double> LeastLoad::cost(const RequestView&, const PoolView& view, std::uint32_t index) const {
  return load_seconds(view, index);
}

}  // namespace evener::route
