#pragma once
// SMG's least-load score: seconds of prompt work there, reported to be waiting and sent since the report, at the endpoint's own rate, plus a
// penalty that grows without bound as its KV cache fills. An endpoint without a fresh report of its queue is compared by its requests in
// flight, each taken for a prompt of mean length. SMG takes 2,000 tokens per second unless the engine reports its rate; here the rate is the
// one that was learned, and that figure holds until then.
//
// When not to use it: with reports older than a few seconds, in which its own requests wait twice: in the next report, and in what was sent
// since the last. It sees no prefixes and, beside the KV cache, no decoding.

#include "evener/route/policies/candidate_sample.h"
#include "evener/route/policy.h"

namespace evener::route {

class LeastLoad final : public Policy {
 public:
  static constexpr double KvPenalty_s = 0.15;
  static constexpr double TokensPerSecond = 2000;                 // for weight 1, where nothing was learned
  static constexpr double MeanPrefillTokens = 1024;               // of a request whose tokens nobody told
  static constexpr Duration FreshMax = std::chrono::seconds(30);  // three of the periods in which SMG asks

  [[nodiscard]] std::string_view name() const override;
  std::uint32_t choose(const RequestView& request, const PoolView& view, Rng& rng) override;
  [[nodiscard]] Compared compared() const override { return sample_.compared(); }
  /// Seconds.
  [[nodiscard]] std::optional<double> cost(const RequestView& request, const PoolView& view, std::uint32_t index) const override;

 private:
  CandidateSample sample_;
};

}  // namespace evener::route
