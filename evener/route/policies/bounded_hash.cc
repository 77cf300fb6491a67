#include "evener/route/policies/bounded_hash.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "evener/route/policies/hops.h"

namespace evener::route {
namespace {

/// Requests in flight per unit of weight at which an endpoint of these candidates is full.
class Bound {
 public:
  explicit Bound(const PoolView& view) {
    double weights = 0;
    std::uint64_t in_flight = 0;
    for (std::uint32_t index : view.candidates) {
      weights += view.endpoints[index].weight;
      in_flight += view.endpoints[index].in_flight;
    }
    per_weight_ = BoundedHash::BoundFactor * (static_cast<double>(in_flight) + 1.0) / weights;
  }

  [[nodiscard]] bool has_room(const EndpointView& endpoint) const {
    const double bound = std::max(std::ceil(per_weight_ * endpoint.weight), static_cast<double>(BoundedHash::BoundFloor));
    return static_cast<double>(endpoint.in_flight) < bound;
  }

 private:
  double per_weight_ = 0;
};

}  // namespace

std::string_view BoundedHash::name() const { return policy_name(PolicyKind::BoundedHash); }

std::uint32_t BoundedHash::choose(const RequestView& request, const PoolView& view, Rng& rng) {
  if (request.affinity_key == 0) return without_key_.choose(request, view, rng);
  const Bound bound(view);
  for (std::uint32_t hop = 0; hop < HopsMax; ++hop) {
    const std::uint32_t index = ring_.owner(hop_hash(request.affinity_key, hop));
    if (is_candidate(view, index) && bound.has_room(view.endpoints[index])) return index;
  }
  // Few candidates of many endpoints: rank those with room. There is always one, as the bounds add up to more than what is in flight.
  std::uint32_t chosen = view.candidates.front();
  double least = std::numeric_limits<double>::infinity();
  for (std::uint32_t index : view.candidates) {
    if (!bound.has_room(view.endpoints[index])) continue;
    const double rank = rendezvous_rank(request.affinity_key, view.endpoints[index]);
    if (rank < least) {
      least = rank;
      chosen = index;
    }
  }
  return chosen;
}

std::optional<double> BoundedHash::cost(const RequestView& request, const PoolView& view, std::uint32_t index) const {
  if (request.affinity_key == 0) return without_key_.cost(request, view, index);
  const double full = Bound(view).has_room(view.endpoints[index]) ? 0.0 : static_cast<double>(HopsMax);
  for (std::uint32_t hop = 0; hop < HopsMax; ++hop) {
    if (ring_.owner(hop_hash(request.affinity_key, hop)) == index) return full + static_cast<double>(hop);
  }
  return full + static_cast<double>(HopsMax);
}

void BoundedHash::costs(const RequestView& request, const PoolView& view, std::span<std::optional<double>> out) const {
  if (request.affinity_key == 0) return without_key_.costs(request, view, out);
  hops_to_candidates(request.affinity_key, view, out, [&](std::uint64_t hash) { return ring_.owner(hash); });
  const Bound bound(view);
  for (std::size_t i = 0; i < out.size(); ++i) {
    if (!bound.has_room(view.endpoints[view.candidates[i]])) *out[i] += static_cast<double>(HopsMax);
  }
}

void BoundedHash::on_membership(const PoolView& view) {
  ring_.follow(view.endpoints);
  without_key_.on_membership(view);
}

}  // namespace evener::route
