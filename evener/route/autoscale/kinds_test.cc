#include "evener/route/autoscale/kinds.h"

#include <doctest/doctest.h>

#include "tests/for_each_seed.h"

namespace evener::route::autoscale {
namespace {

using Counts = std::vector<std::uint32_t>;

// An H100 has 4 times the capacity of an L4 and 5 times the price.
std::vector<ReplicaKind> two_kinds(std::uint32_t h100, std::uint32_t l4) {
  return {{.capacity = 4, .price_per_hour = 5, .current = h100, .most = 10},
          {.capacity = 1, .price_per_hour = 1, .current = l4, .most = 6}};
}

}  // namespace

TEST_CASE("a pool grows by its cheapest kind first and by the next when that is at its limit") {
  CHECK(spread_over_kinds(3, two_kinds(0, 0)) == Counts{0, 3});
  CHECK(spread_over_kinds(7, two_kinds(0, 0)) == Counts{1, 3});  // 6 and 4, of which the pool gives up three of the cheap
  CHECK(spread_over_kinds(100, two_kinds(0, 0)) == Counts{10, 6});
}

TEST_CASE("a pool gives up its dearest kind first, and does not exchange one that it needs") {
  CHECK(spread_over_kinds(6, two_kinds(2, 3)) == Counts{1, 2});
  CHECK(spread_over_kinds(8, two_kinds(2, 0)) == Counts{2, 0});
}

TEST_CASE("a kind that does not meet the objectives is only ever given up, once the others carry the load") {
  auto kinds = two_kinds(0, 4);
  kinds[1].adequate = false;
  CHECK(spread_over_kinds(4, kinds) == Counts{1, 0});
  kinds[0].most = 0;
  CHECK(spread_over_kinds(4, kinds) == Counts{0, 4});
}

TEST_CASE("the least number of a kind stays") {
  auto kinds = two_kinds(3, 0);
  kinds[0].least = 2;
  CHECK(spread_over_kinds(0, kinds) == Counts{2, 0});
}

TEST_CASE("any spread has the capacity that is asked for where it can, within all limits, and settles at once") {
  for_each_seed(500, [](Rng& rng) {
    std::vector<ReplicaKind> kinds(1 + rng.below(5));
    double most = 0;
    for (ReplicaKind& kind : kinds) {
      kind.capacity = 0.5 + rng.uniform() * 8;
      kind.price_per_hour = rng.uniform() * 10;
      kind.most = static_cast<std::uint32_t>(rng.below(20));
      kind.least = static_cast<std::uint32_t>(rng.below(kind.most + 1));
      kind.current = static_cast<std::uint32_t>(rng.below(25));
      most += kind.most * kind.capacity;
    }
    const double wanted = rng.uniform() * 100;
    const Counts counts = spread_over_kinds(wanted, kinds);
    double have = 0;
    for (std::size_t i = 0; i < kinds.size(); ++i) {
      CHECK(counts[i] >= kinds[i].least);
      CHECK(counts[i] <= kinds[i].most);
      have += counts[i] * kinds[i].capacity;
      kinds[i].current = counts[i];
    }
    CHECK(have >= std::min(wanted, most) - 1e-6);
    CHECK(spread_over_kinds(wanted, kinds) == counts);
  });
}

}  // namespace evener::route::autoscale
