#pragma once
// Maglev hashing: a request goes where its affinity key hashes to, by one look into a table (maglev_table.h). When that endpoint is not a
// candidate, the key jumps on (hops.h), always to the same place, and comes back when the endpoint does. A request without a key (0) goes
// to the least loaded. O(1) with a key.
//
// When not to use it: when keys are few or some are far more popular than others. Nothing bounds the load of one endpoint, so a popular
// session sinks it; bounded-hash is the same with a bound. Slow start has no effect on requests with a key: taking keys away and
// giving them back would cost two cold caches.

#include "evener/route/policies/least_request.h"
#include "evener/route/policies/maglev_table.h"
#include "evener/route/policy.h"

namespace evener::route {

class Maglev final : public Policy {
 public:
  [[nodiscard]] std::string_view name() const override;
  std::uint32_t choose(const RequestView& request, const PoolView& view, Rng& rng) override;
  /// The hop at which the key arrives at the endpoint, 0 for the one it belongs to.
  [[nodiscard]] std::optional<double> cost(const RequestView& request, const PoolView& view, std::uint32_t index) const override;
  void costs(const RequestView& request, const PoolView& view, std::span<std::optional<double>> out) const override;
  void on_membership(const PoolView& view) override;

 private:
  MaglevTable table_;
  LeastRequest without_key_;
};

}  // namespace evener::route
