#pragma once
// Sticky until saturated, llm-d's default since August 2026: stay with the endpoints that hold at least 80 % of the prompt, and among those take
// the one with the fewest uncached tokens in flight, the request's own included; leave them when the best of the others has so many tokens
// less in flight that their waiting time exceeds release_s. llm-d takes a measured constant for the rate (15,928 tokens/s, 18 s: 286,704
// tokens); here the same constant holds until the pool's own rate was learned.
//
// When not to use it: for short prompts and long answers, since it looks at prompt tokens alone.

#include "evener/route/policies/candidate_sample.h"
#include "evener/route/policy.h"

namespace evener::route {

class StickyUntilSaturated final : public Policy {
 public:
  static constexpr double AffinityMin = 0.8;         // share of the prompt held
  static constexpr double ReleaseTokens = 286'720;   // 35 chunks of 8,192

  [[nodiscard]] std::string_view name() const override;
  std::uint32_t choose(const RequestView& request, const PoolView& view, Rng& rng) override;
  /// Uncached tokens in flight with this request, and a trifle per request in flight to break ties.
  [[nodiscard]] std::optional<double> cost(const RequestView& request, const PoolView& view, std::uint32_t index) const override;
  [[nodiscard]] bool wants_prefix() const override { return true; }

 private:
  CandidateSample sample_;
  std::vector<std::uint32_t> warm_, cold_;
};

}  // namespace evener::route
