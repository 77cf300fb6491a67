#pragma once
// AIBrix's prefix-cache policy, with the constants of its code: when requests in flight are more than 8 apart, the fewest win; otherwise, of those
// within one standard deviation above the mean, the one that holds most of the prompt, then the one with fewest in flight. AIBrix keeps a table
// of blocks of 128 characters for this; here the gateway's prefix index is asked. Requests count per weight.
//
// When not to use it: with many requests in flight. 8 apart is soon reached by chance then, and what is cached counts no more; and prompts
// of very unequal length, since it counts requests.

#include "evener/route/policies/candidate_sample.h"
#include "evener/route/policy.h"

namespace evener::route {

class AibrixPrefixCache final : public Policy {
 public:
  static constexpr double ImbalanceMax = 8;
  static constexpr double DeviationsMax = 1;

  [[nodiscard]] std::string_view name() const override;
  std::uint32_t choose(const RequestView& request, const PoolView& view, Rng& rng) override;
  [[nodiscard]] Compared compared() const override { return sample_.compared(); }
  /// Requests in flight per weight.
  [[nodiscard]] std::optional<double> cost(const RequestView& request, const PoolView& view, std::uint32_t index) const override;
  [[nodiscard]] bool wants_prefix() const override { return true; }

 private:
  CandidateSample sample_;
};

}  // namespace evener::route
