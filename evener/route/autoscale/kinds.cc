#include "evener/route/autoscale/kinds.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace evener::route::autoscale {
namespace {

constexpr double Slack = 1e-9;

std::uint32_t clamped(double count, std::uint32_t room) {
  return static_cast<std::uint32_t>(std::clamp(count, 0.0, static_cast<double>(room)));
}

}  // namespace

std::vector<std::uint32_t> spread_over_kinds(double capacity, std::span<const ReplicaKind> kinds) {
  std::vector<std::uint32_t> counts;
  double have = 0;
  for (const ReplicaKind& kind : kinds) {
    counts.push_back(std::clamp(kind.current, kind.least, std::max(kind.least, kind.most)));
    // What does not meet the objectives is no capacity, so that it is replaced.
    if (kind.adequate) have += counts.back() * kind.capacity;
  }
  std::vector<std::size_t> by_price(kinds.size());
  std::iota(by_price.begin(), by_price.end(), std::size_t{0});
  std::sort(by_price.begin(), by_price.end(), [&kinds](std::size_t a, std::size_t b) {
    const double left = kinds[a].price_per_hour / kinds[a].capacity, right = kinds[b].price_per_hour / kinds[b].capacity;
    return left != right ? left < right : a < b;
  });

  for (const std::size_t i : by_price) {
    if (have >= capacity - Slack) break;
    const ReplicaKind& kind = kinds[i];
    if (!kind.adequate || kind.most <= counts[i]) continue;
    const std::uint32_t added = clamped(std::ceil((capacity - have) / kind.capacity - Slack), kind.most - counts[i]);
    counts[i] += added;
    have += added * kind.capacity;
  }
  for (auto each = by_price.rbegin(); each != by_price.rend(); ++each) {
    const ReplicaKind& kind = kinds[*each];
    const std::uint32_t room = counts[*each] - kind.least;
    if (!kind.adequate) {
      if (have >= capacity - Slack) counts[*each] -= room;
      continue;
    }
    const std::uint32_t removed = clamped(std::floor((have - capacity) / kind.capacity + Slack), room);
    counts[*each] -= removed;
    have -= removed * kind.capacity;
  }
  return counts;
}

}  // namespace evener::route::autoscale
