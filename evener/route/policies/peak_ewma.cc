#include "evener/route/policies/peak_ewma.h"

#include "evener/core/estimators.h"

namespace evener::route {
namespace {

double expected_wait_s(const PoolView& view, std::uint32_t index) {
  const EndpointView& endpoint = view.endpoints[index];
  const double prior = view.latency_s > 0.0 ? view.latency_s * PeakEwmaPolicy::PriorShare : PeakEwmaPolicy::UnknownLatency_s;
  const PeakEwma latency{.value = endpoint.latency_s, .at = endpoint.latency_at};
  return latency.at_time(view.now, LatencyTau, prior) * (static_cast<double>(endpoint.in_flight) + 1.0) / endpoint.weight;
}

}  // namespace

std::string_view PeakEwmaPolicy::name() const { return policy_name(PolicyKind::PeakEwma); }

std::uint32_t PeakEwmaPolicy::choose(const RequestView&, const PoolView& view, Rng& rng) {
  if (view.candidates.size() == 1) return view.candidates.front();
  const WeightedPicker& picker = picker_.of(view);
  const std::uint32_t first = picker.pick(rng);
  const std::uint32_t one = view.candidates[first];
  const std::uint32_t other = view.candidates[picker.pick_other(rng, first)];
  return expected_wait_s(view, other) < expected_wait_s(view, one) ? other : one;
}

std::optional<double> PeakEwmaPolicy::cost(const RequestView&, const PoolView& view, std::uint32_t index) const {
  return expected_wait_s(view, index);
}

}  // namespace evener::route
