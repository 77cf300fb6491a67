#pragma once
// Sticky until saturated, llm-d's default since August 2026: stay with the endpoints that hold at least 80 % of the prompt's blocks, and among
// those take the one with the fewest uncached tokens in flight, the request's own included. All are compared when none holds so much, or when
// the least busy of the others has so many tokens less in flight (per weight) that waiting for the prefix costs more than computing it.
//
// When not to use it: for short prompts and long answers, since it looks at prompt tokens alone; on hardware much faster or slower than the
// two H100 with a 32B model that its one constant was measured on: it is kept as it is, so that it can be compared.

#include "evener/route/policies/candidate_sample.h"
#include "evener/route/policy.h"

namespace evener::route {

class StickyUntilSaturated final : public Policy {
 public:
  static constexpr double AffinityMin = 0.8;        // share of the prompt's blocks held
  static constexpr double ReleaseTokens = 286'720;  // 35 chunks of 8,192: 14 s at 20,480 tokens/s

  [[nodiscard]] std::string_view name() const override;
  std::uint32_t choose(const RequestView& request, const PoolView& view, Rng& rng) override;
  [[nodiscard]] Compared compared() const override { return sample_.compared(); }
  /// Uncached tokens in flight with this request, and a trifle per request in flight to break ties.
  [[nodiscard]] std::optional<double> cost(const RequestView& request, const PoolView& view, std::uint32_t index) const override;
  [[nodiscard]] bool wants_prefix() const override { return true; }

 private:
  CandidateSample sample_;
  std::vector<std::uint32_t> warm_, cold_;  // scratch of one decision
};

}  // namespace evener::route
