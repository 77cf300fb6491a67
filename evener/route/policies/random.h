#pragma once
// Random: one candidate, drawn in proportion to the weights. O(log n), O(1) when all weights are equal.
//
// When not to use it: almost always, as power of two choices costs one more draw and its most loaded endpoint is far less loaded
// (ln ln n against ln n above the mean; Mitzenmacher 2001). Random is the baseline to compare with, and it is safe where
// many independent gateways share endpoints and nobody's counts mean much.

#include "evener/route/policies/candidate_picker.h"
#include "evener/route/policy.h"

namespace evener::route {

class Random final : public Policy {
 public:
  [[nodiscard]] std::string_view name() const override;
  std::uint32_t choose(const RequestView& request, const PoolView& view, Rng& rng) override;

 private:
  CandidatePicker picker_;
};

}  // namespace evener::route
