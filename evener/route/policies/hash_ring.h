#pragma once
// HashRing: a consistent-hash ring whose endpoints own arcs in proportion to their configured weights. A change of membership is merged
// in, not rebuilt: with 4,000 endpoints one more costs a pass over the ring, not a sort of it. Knows nothing of load or health.

#include <cstdint>
#include <span>
#include <vector>

#include "evener/route/per_endpoint.h"
#include "evener/route/view.h"

namespace evener::route {

/// Not thread-safe for changes; owner() is const and pure.
class HashRing {
 public:
  /// Points of an endpoint of mean weight (as ketama), fewer when that would make more than PointsMax in all, but never fewer than
  /// PointsMin. An endpoint's own number follows its weight, at least 1 and at most PointsOfOneMax.
  static constexpr std::uint32_t Points = 160;
  static constexpr std::uint32_t PointsMin = 16;
  static constexpr std::uint32_t PointsOfOneMax = 16384;
  static constexpr std::uint32_t PointsMax = 1u << 18;

  void follow(std::span<const EndpointView> endpoints);

  /// Index of the endpoint that owns the hash. The ring must not be empty. O(1) on average.
  [[nodiscard]] std::uint32_t owner(std::uint64_t hash) const;
  [[nodiscard]] std::size_t points() const { return ring_.size(); }

 private:
  struct Point {
    std::uint64_t hash = 0;
    std::uint32_t index = 0;
    std::uint32_t number = 0;  // the how-many-th point of its endpoint
  };
  struct Placed {
    std::uint32_t index = 0;   // in the endpoints of the last call
    std::uint32_t points = 0;
    std::uint64_t identity = 0;
  };

  std::vector<Point> ring_;             // sorted by hash, then index
  std::vector<std::uint32_t> starts_;   // by the leading bits of a hash: the first point that is not before them
  int bits_shift_ = 63;
  PerEndpoint<Placed> placed_;
};

}  // namespace evener::route
