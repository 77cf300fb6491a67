#pragma once
// Cheapest within the objectives: of the endpoints that are predicted to meet the request's objectives for the first token and between tokens,
// the one with the lowest price for it; endpoints of one price, and all when none meets them, are compared as balanced does.
//
// An endpoint of which no speed is known counts as meeting them: it is tried, and then it is known.
//
// When not to use it: without prices it is balanced. A request without objectives goes to the cheapest endpoint however long the wait there, so
// give each class objectives, or the cheap endpoints a capacity. Predictions are means: leave some room in the objectives.

#include "evener/route/policies/balanced.h"
#include "evener/route/policies/candidate_sample.h"
#include "evener/route/policy.h"

namespace evener::route {

class CheapestWithinSlo final : public Policy {
 public:
  [[nodiscard]] std::string_view name() const override;
  std::uint32_t choose(const RequestView& request, const PoolView& view, Rng& rng) override;
  [[nodiscard]] Compared compared() const override { return sample_.compared(); }
  /// The price of the request there; nothing where it is predicted to miss an objective.
  [[nodiscard]] std::optional<double> cost(const RequestView& request, const PoolView& view, std::uint32_t index) const override;
  [[nodiscard]] bool wants_prefix() const override { return true; }

 private:
  CandidateSample sample_;
  std::vector<std::uint32_t> cheapest_;
};

}  // namespace evener::route
