#pragma once
// Weighted round robin by what endpoints report of themselves (ORCA), as gRPC and Envoy have it on the client's side: an endpoint's weight is the
// requests per second that it was sent over the utilization that it reports, so that all come to the same utilization. Weights are computed once a
// second from reports between 10 s after the first one (blackout) and 3 min after the last (expiry); without a weight an endpoint has the mean of
// the others. Configured weights multiply them. Utilization is what ORCA says, else the larger of KV memory in use and running requests over
// their bound. Requests per second are this gateway's own, over about 10 s, and the part of errors is left out.
//
// When not to use it: for requests that differ much in cost, since it spreads a count; without load reports, when it is weighted round robin; for
// loads that change within seconds, which a weight of the last ten cannot follow.

#include "evener/route/per_endpoint.h"
#include "evener/route/policy.h"

namespace evener::route {

class OrcaWeighted final : public Policy {
 public:
  static constexpr Duration Blackout = std::chrono::seconds(10), Expiry = std::chrono::minutes(3), Update = std::chrono::seconds(1);
  static constexpr Duration RateTau = std::chrono::seconds(10);

  [[nodiscard]] std::string_view name() const override;
  std::uint32_t choose(const RequestView& request, const PoolView& view, Rng& rng) override;
  void on_membership(const PoolView& view) override;

 private:
  struct State {
    double current = 0;  // as in smooth weighted round robin
    double sent = 0;     // since the latest update
    double rate_per_s = 0;
    double weight = 0;  // relative; 0 = none of its own
    bool reports = false;
    Instant reporting_since{};
  };
  void update(const PoolView& view);

  PerEndpoint<State> states_;
  double mean_weight_ = 1;
  bool begun_ = false;
  Instant updated_{};
};

}  // namespace evener::route
