#pragma once
// Least request: the candidate with the fewest requests in flight per unit of weight (HAProxy's leastconn, nginx's least_conn). Equals
// take turns in proportion to their weights, by start-time fair queueing (Goyal et al. 1996), so that a pool that is mostly idle still
// follows the weights and the first endpoint is not preferred. O(candidates).
//
// When not to use it: behind many gateways at once, because each sees only its own requests and all of them send the next one to the
// same newcomer; power of two choices does not herd. It ignores session and prefix caches: use bounded-hash where those matter. An
// endpoint that fails fast looks idle to it, so leave outlier ejection on.

#include <cstddef>

#include "evener/route/per_endpoint.h"
#include "evener/route/policy.h"

namespace evener::route {

class LeastRequest final : public Policy {
 public:
  [[nodiscard]] std::string_view name() const override;
  std::uint32_t choose(const RequestView& request, const PoolView& view, Rng& rng) override;
  [[nodiscard]] std::optional<double> cost(const RequestView& request, const PoolView& view, std::uint32_t index) const override;
  void on_membership(const PoolView& view) override;

 private:
  PerEndpoint<double> turn_end_;  // when the endpoint's latest turn ends, on a scale where a turn lasts 1 / weight
  double turn_now_ = 0.0;         // start of the latest turn of all; an endpoint that missed turns does not catch up on them
  EndpointId last_{};             // the search begins behind it, so that exact equals go round
};

}  // namespace evener::route
