#pragma once
// SMG's least-load score: seconds of prompt work there, reported to be waiting and sent since the report, at the endpoint's own rate, plus a
// penalty that grows without bound as its KV cache fills. Without any report it is the shortest queue.
//
// When not to use it: with reports older than a few seconds.

#include "evener/route/policies/candidate_sample.h"
#include "evener/route/policy.h"

namespace evener::route {

class LeastLoad final : public Policy {
 public:
  static constexpr double KvPenalty_s = 0.15;
  static constexpr double TokensPerSecond = 2000;  // where nothing was learned
  [[nodiscard]] std::string_view name() const override;
  std::uint32_t choose(const RequestView& request, const PoolView& view, Rng& rng) override;
  /// Seconds; requests in flight where nothing was reported.
  [[nodiscard]] std::optional<double> cost(const RequestView& request, const PoolView& view, std::uint32_t index) const override;

 private:
  CandidateSample sample_;
};

}  // namespace evener::route
