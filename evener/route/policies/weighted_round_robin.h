#pragma once
// Smooth weighted round robin: every candidate in turn, in proportion to its weight, without bursts: weights 5, 1, 1 give a a b a c a a.
// nginx's formula (ngx_http_upstream_round_robin.c): each candidate's current value grows by its weight, the greatest is chosen and pays
// the sum of all weights. O(candidates).
//
// When not to use it: when requests differ in cost, as generations do. It counts requests, not what they cost or whether they ended, so
// an endpoint that drew three long answers in a row gets the fourth request all the same. It suits uniform work such as embeddings.

#include "evener/route/per_endpoint.h"
#include "evener/route/policy.h"

namespace evener::route {

class WeightedRoundRobin final : public Policy {
 public:
  [[nodiscard]] std::string_view name() const override;
  std::uint32_t choose(const RequestView& request, const PoolView& view, Rng& rng) override;
  void on_membership(const PoolView& view) override;

 private:
  PerEndpoint<double> current_;
};

}  // namespace evener::route
