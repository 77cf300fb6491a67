#include "evener/route/policies/hash_ring.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <iterator>
#include <limits>
#include <utility>

#include "evener/core/hashing.h"

namespace evener::route {
namespace {

constexpr std::uint32_t Gone = std::numeric_limits<std::uint32_t>::max();

std::uint32_t points_for(double weight, double mean, std::size_t endpoints) {
  const std::size_t each = std::clamp<std::size_t>(HashRing::PointsMax / endpoints, HashRing::PointsMin, HashRing::Points);
  const double own = std::round(static_cast<double>(each) * weight / mean);
  return static_cast<std::uint32_t>(std::clamp(own, 1.0, static_cast<double>(HashRing::PointsOfOneMax)));
}

}  // namespace

void HashRing::follow(std::span<const EndpointView> endpoints) {
  const std::size_t indices_before = placed_.size();
  placed_.follow(endpoints, Placed{.index = Gone});

  double total = 0;
  for (const EndpointView& endpoint : endpoints) total += endpoint.weight_configured;
  const double mean = total / static_cast<double>(std::max<std::size_t>(1, endpoints.size()));

  // Where each old index went, and how many of its points stay; what is missing is added.
  struct Kept {
    std::uint32_t index = Gone;
    std::uint32_t points = 0;
  };
  std::vector<Kept> kept(indices_before);
  std::vector<Point> added;
  for (std::uint32_t index = 0; index < endpoints.size(); ++index) {
    Placed& placed = placed_[index];
    const std::uint32_t wanted = points_for(endpoints[index].weight_configured, mean, endpoints.size());
    if (placed.index != Gone && placed.identity != endpoints[index].identity) placed.points = 0;
    if (placed.index != Gone) kept[placed.index] = {.index = index, .points = std::min(placed.points, wanted)};
    for (std::uint32_t number = placed.points; number < wanted; ++number) {
      added.push_back({.hash = hash_combine(endpoints[index].identity, number), .index = index, .number = number});
    }
    placed = {.index = index, .points = wanted, .identity = endpoints[index].identity};
  }

  std::erase_if(ring_, [&](const Point& point) { return point.number >= kept[point.index].points; });
  for (Point& point : ring_) point.index = kept[point.index].index;
  const auto before = [](const Point& a, const Point& b) { return a.hash != b.hash ? a.hash < b.hash : a.index < b.index; };
  std::sort(added.begin(), added.end(), before);
  std::vector<Point> merged;
  merged.reserve(ring_.size() + added.size());
  std::merge(ring_.begin(), ring_.end(), added.begin(), added.end(), std::back_inserter(merged), before);
  ring_ = std::move(merged);

  // About one point per entry, so that owner() looks at one or two points instead of searching.
  const int bits = std::max(1, static_cast<int>(std::bit_width(ring_.size())));
  bits_shift_ = 64 - bits;
  starts_.resize(std::size_t{1} << bits);
  std::uint32_t point = 0;
  for (std::size_t entry = 0; entry < starts_.size(); ++entry) {
    while (point < ring_.size() && (ring_[point].hash >> bits_shift_) < entry) ++point;
    starts_[entry] = point;
  }
}

std::uint32_t HashRing::owner(std::uint64_t hash) const {
  std::size_t at = starts_[hash >> bits_shift_];
  while (at < ring_.size() && ring_[at].hash < hash) ++at;
  return at == ring_.size() ? ring_.front().index : ring_[at].index;
}

}  // namespace evener::route
