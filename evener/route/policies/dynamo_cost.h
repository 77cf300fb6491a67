#pragma once
// NVIDIA Dynamo's KV router cost: blocks to compute, those in flight and the request's own less what is cached, plus blocks that are being
// decoded, the request's included; the lowest wins. Blocks are 64 tokens here, as in its default engine.
//
// When not to use it: with unequal endpoints, since it knows no speed.

#include "evener/route/policies/candidate_sample.h"
#include "evener/route/policy.h"

namespace evener::route {

class DynamoCost final : public Policy {
 public:
  static constexpr double BlockTokens = 64;
  [[nodiscard]] std::string_view name() const override;
  std::uint32_t choose(const RequestView& request, const PoolView& view, Rng& rng) override;
  /// Blocks.
  [[nodiscard]] std::optional<double> cost(const RequestView& request, const PoolView& view, std::uint32_t index) const override;
  [[nodiscard]] bool wants_prefix() const override { return true; }

 private:
  CandidateSample sample_;
};

}  // namespace evener::route
