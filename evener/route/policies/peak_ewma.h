#pragma once
// Peak EWMA: power of two choices over latency * (in_flight + 1) / weight, where latency is the endpoint's time to the first token,
// believed at once when it rises and only gradually when it falls (Finagle's PeakEwma, also in Linkerd). O(log n).
//
// An endpoint without news drifts to half of the pool's mean: optimistic enough to be tried again, bounded enough not to be flooded. Its
// cost passes that of a mean endpoint with k requests in flight as soon as it has 2k + 1 itself.
//
// When not to use it: when prompts differ much in length, since a long prompt then looks like a slow endpoint, and the pool chases
// noise; least request is steadier. Nor for sessions: it ignores prefix caches.

#include "evener/route/policies/candidate_picker.h"
#include "evener/route/policy.h"

namespace evener::route {

class PeakEwmaPolicy final : public Policy {
 public:
  /// What an endpoint without news is believed to take, as a share of the pool's mean.
  static constexpr double PriorShare = 0.5;
  /// The same while the pool itself has answered nothing yet.
  static constexpr double UnknownLatency_s = 0.1;

  [[nodiscard]] std::string_view name() const override;
  std::uint32_t choose(const RequestView& request, const PoolView& view, Rng& rng) override;
  [[nodiscard]] std::optional<double> cost(const RequestView& request, const PoolView& view, std::uint32_t index) const override;

 private:
  CandidatePicker picker_;
};

}  // namespace evener::route
