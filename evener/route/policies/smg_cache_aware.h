#pragma once
// The cache-aware policy of SGLang's router (now SMG), with the defaults of its command line: while requests in flight are in balance, the
// endpoint that holds most of the prompt, if it holds more than 30 % of it, else the least loaded; out of balance (more than 64 apart and
// more than 1.5 times as many), the least loaded. SMG keeps a tree of characters for this; here the gateway's prefix index is asked.
//
// When not to use it: prompts of very unequal length, since it counts requests; prompts that begin alike beyond 30 %, since those stay
// together until the endpoint has 64 requests more than another.

#include "evener/route/policies/candidate_sample.h"
#include "evener/route/policy.h"

namespace evener::route {

class SmgCacheAware final : public Policy {
 public:
  static constexpr double CacheThreshold = 0.3;
  static constexpr std::uint32_t BalanceAbsolute = 64;
  static constexpr double BalanceRelative = 1.5;

  [[nodiscard]] std::string_view name() const override;
  std::uint32_t choose(const RequestView& request, const PoolView& view, Rng& rng) override;
  [[nodiscard]] Compared compared() const override { return sample_.compared(); }
  /// Requests in flight, this one included, per weight.
  [[nodiscard]] std::optional<double> cost(const RequestView& request, const PoolView& view, std::uint32_t index) const override;
  [[nodiscard]] bool wants_prefix() const override { return true; }

 private:
  CandidateSample sample_;
};

}  // namespace evener::route
