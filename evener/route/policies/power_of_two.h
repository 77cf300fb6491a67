#pragma once
// Power of two choices: draw two different candidates in proportion to their weights, keep the one with fewer requests in flight per
// unit of weight. O(log n). The most loaded endpoint stays within ln ln n / ln 2 of the mean (Mitzenmacher, "The power of two choices in
// randomized load balancing", 2001). Drawing by weight matters: drawn evenly, a strong endpoint among many weak ones is looked at too
// seldom to get its share.
//
// When not to use it: for a handful of endpoints behind a single gateway, where least request costs as little and never misses the idle
// one. It ignores session and prefix caches.

#include "evener/route/policies/candidate_picker.h"
#include "evener/route/policy.h"

namespace evener::route {

class PowerOfTwo final : public Policy {
 public:
  [[nodiscard]] std::string_view name() const override;
  std::uint32_t choose(const RequestView& request, const PoolView& view, Rng& rng) override;
  [[nodiscard]] std::optional<double> cost(const RequestView& request, const PoolView& view, std::uint32_t index) const override;

 private:
  CandidatePicker picker_;
};

}  // namespace evener::route
