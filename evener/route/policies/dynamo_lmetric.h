#pragma once
// NVIDIA Dynamo's other cost, "lmetric": blocks to compute, those in flight and the request's own less what is cached, times one more than the
// blocks that are being decoded, the request's included; the lowest wins. As a product it never lets a cached prompt make up for a crowd that
// decodes, nor a quiet endpoint for a long queue of prompts. Counted as DynamoCost counts.
//
// When not to use it: with prompts that are cached nearly whole. Then the product is near zero whatever runs there, and chance decides more
// than load does. With endpoints of unequal speed beyond what weights say, since it learns none.

#include "evener/route/policies/candidate_sample.h"
#include "evener/route/policy.h"

namespace evener::route {

class DynamoLmetric final : public Policy {
 public:
  [[nodiscard]] std::string_view name() const override;
  std::uint32_t choose(const RequestView& request, const PoolView& view, Rng& rng) override;
  [[nodiscard]] Compared compared() const override { return sample_.compared(); }
  /// Blocks times blocks.
  [[nodiscard]] std::optional<double> cost(const RequestView& request, const PoolView& view, std::uint32_t index) const override;
  [[nodiscard]] bool wants_prefix() const override { return true; }

 private:
  CandidateSample sample_;
};

}  // namespace evener::route
