#include "evener/route/load_book.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "evener/core/portable_math.h"

namespace evener::route {
namespace {
constexpr double LatencyMin_s = 1e-6;  // 0 means "nothing observed"

// A share may come back to an endpoint that was removed and added again since, whose book knows nothing of it.
template <class Count, class Amount>
void take(Count& from, Amount amount) {
  from -= std::min(from, static_cast<Count>(amount));
}

constexpr double ErrorMost = 10;  // so that one wild answer does not stand there for long
constexpr double ErrorMemory = 1 / 50.0;

void note_error(double& mean, double predicted_s, double observed_s) {
  if (predicted_s <= 0 || observed_s <= 0) return;
  const double error = std::min(std::abs(predicted_s / observed_s - 1.0), ErrorMost);
  mean += (error - mean) * (mean == 0 ? 1.0 : ErrorMemory);
}

}  // namespace

std::optional<std::uint32_t> LoadBook::find(EndpointId id) const {
  const auto found = std::lower_bound(ids_.begin(), ids_.end(), id);
  if (found == ids_.end() || *found != id) return std::nullopt;
  return static_cast<std::uint32_t>(found - ids_.begin());
}

std::uint32_t LoadBook::insert(const EndpointView& endpoint) {
  const auto place = std::lower_bound(ids_.begin(), ids_.end(), endpoint.id) - ids_.begin();
  ids_.insert(ids_.begin() + place, endpoint.id);
  endpoints_.insert(endpoints_.begin() + place, endpoint);
  records_.insert(records_.begin() + place, SpeedRecord());
  prediction_errors_.insert(prediction_errors_.begin() + place, PredictionErrors());
  in_flight_ += endpoint.in_flight;
  if (is_full(endpoint)) ++full_;
  compare_tiers();
  return static_cast<std::uint32_t>(place);
}

void LoadBook::erase(std::uint32_t index) {
  in_flight_ -= endpoints_[index].in_flight;
  if (is_full(endpoints_[index])) --full_;
  ids_.erase(ids_.begin() + index);
  endpoints_.erase(endpoints_.begin() + index);
  records_.erase(records_.begin() + index);
  prediction_errors_.erase(prediction_errors_.begin() + index);
  compare_tiers();
}

void LoadBook::compare_tiers() {
  const auto by_tier = [](const EndpointView& a, const EndpointView& b) { return a.tier < b.tier; };
  const auto [weakest, strongest] = std::minmax_element(endpoints_.begin(), endpoints_.end(), by_tier);
  strongest_tier_ = endpoints_.empty() || weakest->tier == strongest->tier ? 0.0 : strongest->tier;
}

void LoadBook::set_weight(std::uint32_t index, double configured, double effective) {
  endpoints_[index].weight_configured = configured;
  endpoints_[index].weight = effective;
}

void LoadBook::set_capacity(std::uint32_t index, std::uint32_t capacity) {
  EndpointView& endpoint = endpoints_[index];
  if (is_full(endpoint)) --full_;
  endpoint.capacity = capacity;
  if (is_full(endpoint)) ++full_;
}

void LoadBook::describe(std::uint32_t index, const EndpointView& endpoint) {
  EndpointView& known = endpoints_[index];
  known.identity = endpoint.identity;
  known.tier = endpoint.tier;
  known.network_s = endpoint.network_s;
  known.input_price = endpoint.input_price;
  known.output_price = endpoint.output_price;
  known.price_per_request = endpoint.price_per_request;
  known.power_w = endpoint.power_w;
  known.zone = endpoint.zone;
  known.modalities = endpoint.modalities;
  known.context_tokens_max = endpoint.context_tokens_max;
  known.any_adapter = endpoint.any_adapter;
  compare_tiers();
}

void LoadBook::dispatched(std::uint32_t index, const Share& share) {
  EndpointView& endpoint = endpoints_[index];
  endpoint.in_flight_prompt_tokens += share.prompt_tokens;
  endpoint.in_flight_output_tokens += share.output_tokens;
  endpoint.tokens_since_report += share.prompt_tokens;
  if (share.awaits_first_token) {
    endpoint.in_flight_uncached_tokens += share.uncached_tokens;
    ++endpoint.in_prefill;
  }
  ++endpoint.in_flight;
  ++in_flight_;
  if (endpoint.in_flight == endpoint.capacity) ++full_;
}

void LoadBook::prefilled(std::uint32_t index, Share& share) {
  if (!std::exchange(share.awaits_first_token, false)) return;
  EndpointView& endpoint = endpoints_[index];
  take(endpoint.in_flight_uncached_tokens, share.uncached_tokens);
  take(endpoint.in_prefill, 1);
}

void LoadBook::reported(std::uint32_t index, const LoadReport& report) {
  EndpointView& endpoint = endpoints_[index];
  if (endpoint.report && endpoint.report->at > report.at) return;
  const double keep = endpoint.report ? portable::exp2(-seconds(report.at - endpoint.report->at) / seconds(ForeignHalfLife)) : 0.0;
  const auto smooth = [keep](double& mean, double reported, double ours) {
    const double foreign = std::max(reported - ours, 0.0);
    mean = foreign + (mean - foreign) * keep;
  };
  endpoint.report = report;
  endpoint.tokens_since_report = 0;
  if (report.running || report.waiting) {
    smooth(endpoint.foreign_requests, report.running.value_or(0) + report.waiting.value_or(0), static_cast<double>(endpoint.in_flight));
  }
  endpoint.waiting_correction = 0.0;
  if (report.waiting) {
    const double ours = endpoint.in_prefill;
    smooth(endpoint.foreign_waiting, *report.waiting, ours);
    endpoint.waiting_correction = endpoint.foreign_waiting + std::min(*report.waiting - ours, 0.0);
  }
  if (report.waiting_tokens) {
    smooth(endpoint.foreign_uncached_tokens, *report.waiting_tokens, static_cast<double>(endpoint.in_flight_uncached_tokens));
  }
}

void LoadBook::streamed(std::uint32_t index, const Share& share, double first_token_s, Instant at) {
  EndpointView& endpoint = endpoints_[index];
  note_error(prediction_errors_[index].first_token, share.predicted_first_token_s, first_token_s);
  // What is configured of the way there is added to predictions, and is not to be learned a second time.
  const double in_engine_s = std::max(first_token_s - endpoint.network_s, 0.0);
  if (at - endpoint.speed.at > SpeedSilence) records_[index].after_silence(share, in_engine_s, endpoint.weight_configured);
  records_[index].first_token(share, in_engine_s, endpoint.weight_configured);
  endpoint.speed = records_[index].view(endpoint.weight_configured, at);
  pool_record_.first_token(share, in_engine_s, endpoint.weight_configured);
}

void LoadBook::decoded(std::uint32_t index, const Share& share, double seconds_per_token, double total_s, Instant at) {
  EndpointView& endpoint = endpoints_[index];
  note_error(prediction_errors_[index].token, share.predicted_token_s, seconds_per_token);
  note_error(prediction_errors_[index].total, share.predicted_total_s(), total_s);
  const double in_flight = (static_cast<double>(share.ahead_requests) + static_cast<double>(endpoint.in_flight)) / 2 + 1;
  records_[index].tokens(in_flight, seconds_per_token, endpoint.weight_configured);
  endpoint.speed = records_[index].view(endpoint.weight_configured, at);
  pool_record_.tokens(in_flight, seconds_per_token, endpoint.weight_configured);
}

bool LoadBook::ended(std::uint32_t index, const Share& share) {
  EndpointView& endpoint = endpoints_[index];
  if (endpoint.in_flight == 0) return false;
  take(endpoint.in_flight_prompt_tokens, share.prompt_tokens);
  take(endpoint.in_flight_output_tokens, share.output_tokens);
  if (share.awaits_first_token) {
    take(endpoint.in_flight_uncached_tokens, share.uncached_tokens);
    take(endpoint.in_prefill, 1);
  }
  if (endpoint.in_flight == endpoint.capacity) --full_;
  --endpoint.in_flight;
  --in_flight_;
  return true;
}

void LoadBook::answered(std::uint32_t index, double latency_s, Instant at) {
  EndpointView& endpoint = endpoints_[index];
  if (endpoint.latency_s > 0 && endpoint.latency_at > at) return;
  PeakEwma latency{.value = endpoint.latency_s, .at = endpoint.latency_at};
  latency.add(std::max(latency_s, LatencyMin_s), at, LatencyTau);
  endpoint.latency_s = latency.value;
  endpoint.latency_at = latency.at;
  latency_.add(std::max(latency_s, LatencyMin_s), at);
}

void LoadBook::failed(std::uint32_t index, double total_s, Instant now) {
  EndpointView& endpoint = endpoints_[index];
  const double assumed_s = latency_.empty() ? FailureUnknown_s : latency_.value() * FailureFactor;
  PeakEwma latency{.value = endpoint.latency_s, .at = endpoint.latency_at};
  latency.add(std::max({total_s, assumed_s, LatencyMin_s}), now, LatencyTau);
  endpoint.latency_s = latency.value;
  endpoint.latency_at = latency.at;
}

}  // namespace evener::route
