#pragma once
// Bounded-load consistent hashing: a request goes where its affinity key hashes to, unless that endpoint already has more than 1.25 times
// its fair share of the requests in flight; then the key jumps on (hops.h). Mirrokni et al., "Consistent hashing with bounded loads"
// (arXiv 1608.01350): bound = ceil(1.25 * (in flight + 1) * weight / total weight), and never below BoundFloor. Sessions keep their prefix
// cache, and one popular session cannot sink its endpoint. A request without a key (0) goes to the least loaded. O(candidates), for the
// sum in flight.
//
// When not to use it: without keys that repeat, where it is least request with extra steps; or when moving a session costs more than
// waiting, as with caches of many minutes.

#include "evener/route/policies/hash_ring.h"
#include "evener/route/policies/least_request.h"
#include "evener/route/policy.h"

namespace evener::route {

class BoundedHash final : public Policy {
 public:
  /// Most requests in flight on one endpoint, as a multiple of its fair share.
  static constexpr double BoundFactor = 1.25;
  /// No endpoint is full below this many requests. At low load the formula alone says 1 or 2, so two sessions of one endpoint would push
  /// each other away from their caches while the pool idles. Keys fall on endpoints like balls into bins: with one request in flight per
  /// endpoint on average, one endpoint in 50 has four or more and one in 270 five or more, so a floor of 4 lets nearly all stay, where 2
  /// would move one session in ten. Four requests cost a batching engine little more than one, and far less than a prefill anew; an
  /// engine that can take fewer says so by its capacity. From about three requests per endpoint on the formula decides alone.
  static constexpr std::uint32_t BoundFloor = 4;

  [[nodiscard]] std::string_view name() const override;
  std::uint32_t choose(const RequestView& request, const PoolView& view, Rng& rng) override;
  /// The hop at which the key arrives at the endpoint, 0 for the one it belongs to; HopsMax more when the endpoint is at its bound.
  [[nodiscard]] std::optional<double> cost(const RequestView& request, const PoolView& view, std::uint32_t index) const override;
  void costs(const RequestView& request, const PoolView& view, std::span<std::optional<double>> out) const override;
  void on_membership(const PoolView& view) override;

 private:
  HashRing ring_;
  LeastRequest without_key_;
};

}  // namespace evener::route
