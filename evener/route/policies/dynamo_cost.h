#pragma once
// NVIDIA Dynamo's KV router cost: blocks to compute, those in flight and the request's own less what is cached, plus blocks that are being
// decoded, the request's included; the lowest wins. Both are counted in tokens of prompts and shown in blocks; Dynamo also counts answers as
// they grow, which a gateway does not see of other gateways' requests. Its queue and its credit for blocks in host memory are left out.
//
// When not to use it: with endpoints of unequal speed beyond what weights say, since it learns none; with prompts of many thousand tokens
// under heavy load, where it spreads decodes by their length and lets their number pile up.

#include "evener/route/policies/candidate_sample.h"
#include "evener/route/policy.h"

namespace evener::route {

class DynamoCost final : public Policy {
 public:
  [[nodiscard]] std::string_view name() const override;
  std::uint32_t choose(const RequestView& request, const PoolView& view, Rng& rng) override;
  [[nodiscard]] Compared compared() const override { return sample_.compared(); }
  /// Blocks.
  [[nodiscard]] std::optional<double> cost(const RequestView& request, const PoolView& view, std::uint32_t index) const override;
  [[nodiscard]] bool wants_prefix() const override { return true; }

 private:
  CandidateSample sample_;
};

}  // namespace evener::route
