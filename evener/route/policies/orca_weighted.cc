#include "evener/route/policies/orca_weighted.h"

#include <algorithm>

#include "evener/core/portable_math.h"
#include "evener/route/policies/smooth_turn.h"

namespace evener::route {
namespace {

/// 0 = it does not say.
double utilization_of(const LoadReport& report) {
  if (report.utilization) return *report.utilization;
  double utilization = report.kv_used.value_or(0);
  if (report.running && report.requests_max.value_or(0) > 0) utilization = std::max(utilization, *report.running / *report.requests_max);
  return utilization;
}

}  // namespace

std::string_view OrcaWeighted::name() const { return policy_name(PolicyKind::OrcaWeighted); }

std::uint32_t OrcaWeighted::choose(const RequestView&, const PoolView& view, Rng&) {
  if (!begun_) updated_ = view.now;
  begun_ = true;
  if (view.now - updated_ >= Update) update(view);
  const std::uint32_t chosen = smooth_turn(
      view.candidates,
      [&](std::uint32_t index) {
        const double learned = states_[index].weight;
        return view.endpoints[index].weight * (learned > 0 ? learned : mean_weight_);
      },
      [&](std::uint32_t index) -> double& { return states_[index].current; });
  ++states_[chosen].sent;
  return chosen;
}

void OrcaWeighted::update(const PoolView& view) {
  const double elapsed_s = seconds(view.now - updated_), kept = portable::exp(-elapsed_s / seconds(RateTau));
  updated_ = view.now;
  double sum = 0, count = 0;
  for (std::size_t index = 0; index < states_.size(); ++index) {
    State& state = states_[index];
    const EndpointView& endpoint = view.endpoints[index];
    state.rate_per_s = kept * state.rate_per_s + (1 - kept) * state.sent / elapsed_s;
    state.sent = 0;
    state.weight = 0;
    const bool fresh = endpoint.report && view.now - endpoint.report->at < Expiry;
    if (fresh && !state.reports) state.reporting_since = endpoint.report->at;
    state.reports = fresh;
    if (!fresh || view.now - state.reporting_since < Blackout) continue;
    const double utilization = utilization_of(*endpoint.report);
    if (!(utilization > 0) || !(state.rate_per_s > 0)) continue;
    // What was sent followed the configured weight already, which multiplies this one.
    state.weight = state.rate_per_s / utilization / endpoint.weight_configured;
    sum += state.weight;
    ++count;
  }
  mean_weight_ = count > 0 ? sum / count : 1;
}

void OrcaWeighted::on_membership(const PoolView& view) { states_.follow(view.endpoints, State{}); }

}  // namespace evener::route
