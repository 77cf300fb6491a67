#pragma once
// Composed: a policy put together from filters, weighted scorers and a picker, see route/scorers.h. `blend` is llm-d's classic composition:
// prefix hit 3, queue 2, free KV cache 2, the best with ties by chance. Scores know no slow start, so an endpoint in one is looked at by as
// large a share of the requests as it has of its weight.
//
// When not to use it: weighted sums of unlike figures have no unit, so weights that suit one load may be wrong for the next; balanced has
// seconds on both sides. Use it to try an idea, or to move from a gateway that works this way.

#include "evener/route/policies/candidate_sample.h"
#include "evener/route/policy.h"
#include "evener/route/scorers.h"

namespace evener::route {

class Composed final : public Policy {
 public:
  Composed(PolicyKind kind, CompositionSettings settings);

  [[nodiscard]] std::string_view name() const override;
  std::uint32_t choose(const RequestView& request, const PoolView& view, Rng& rng) override;
  [[nodiscard]] Compared compared() const override;
  /// 1 minus the weighted mean of the scores, so that lower is better as everywhere.
  [[nodiscard]] std::optional<double> cost(const RequestView& request, const PoolView& view, std::uint32_t index) const override;
  void costs(const RequestView& request, const PoolView& view, std::span<std::optional<double>> out) const override;
  [[nodiscard]] bool wants_prefix() const override { return wants_prefix_; }

 private:
  /// Finds the weighted mean of each candidate's scores, and 1 minus that as its cost.
  void weigh(const RequestView& request, const PoolView& view, std::span<const std::uint32_t> candidates) const;

  PolicyKind kind_;
  CompositionSettings settings_;
  double weights_ = 0;
  bool wants_prefix_ = false;
  CandidateSample sample_;
  std::vector<std::uint32_t> left_, passed_;
  std::span<const std::uint32_t> looked_at_;             // of the latest choice
  mutable std::vector<double> totals_, costs_, scores_;  // scratch of one decision; scores by scorer, then by candidate
};

[[nodiscard]] CompositionSettings blend_settings();

}  // namespace evener::route
