#pragma once
// Which kinds of replica make up a pool's capacity: the cheapest that are adequate first when it grows, the dearest first when it
// shrinks. It starts from what is there and moves as little as it can: a dear replica that runs is not exchanged for a cheap one, as both
// would be paid for while one starts.

#include <cstdint>
#include <span>
#include <vector>

namespace evener::route::autoscale {

inline constexpr std::size_t KindsMax = 64;

struct ReplicaKind {
  double capacity = 1;  // of one, in any unit that is the same for all kinds; > 0
  double price_per_hour = 0;
  std::uint32_t current = 0;  // replicas, those that start included
  std::uint32_t least = 0, most = 0;
  bool adequate = true;  // meets the objectives at all; else it is only ever given up
};

/// How many of each kind there should be for `capacity` in all, within their limits. Less than that comes out only when every adequate
/// kind is at its greatest number.
[[nodiscard]] std::vector<std::uint32_t> spread_over_kinds(double capacity, std::span<const ReplicaKind> kinds);

}  // namespace evener::route::autoscale
