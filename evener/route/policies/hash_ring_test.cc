#include "evener/route/policies/hash_ring.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "evener/core/hashing.h"
#include "evener/route/testing/pool_fixture.h"
#include "tests/for_each_seed.h"

using namespace evener;
using namespace evener::route;

namespace {

constexpr std::uint64_t Keys = 20000;

std::vector<EndpointId> owners(const HashRing& ring, const PoolFixture& pool) {
  std::vector<EndpointId> all;
  for (std::uint64_t key = 0; key < Keys; ++key) all.push_back(pool.endpoints[ring.owner(splitmix64(key))].id);
  return all;
}

}  // namespace

TEST_CASE("shares of the ring follow the weights within 30 %") {
  const PoolFixture pool({1, 1, 2, 4});
  HashRing ring;
  ring.follow(pool.endpoints);
  std::vector<int> owned(4);
  for (std::uint64_t key = 0; key < Keys; ++key) ++owned.at(ring.owner(splitmix64(key)));
  const std::vector<double> shares = {0.125, 0.125, 0.25, 0.5};
  for (std::size_t i = 0; i < 4; ++i) CHECK(owned[i] == doctest::Approx(shares[i] * Keys).epsilon(0.3));
}

TEST_CASE("a removed endpoint's keys move and no others") {
  PoolFixture pool = PoolFixture::equal(10);
  HashRing ring;
  ring.follow(pool.endpoints);
  const std::vector<EndpointId> before = owners(ring, pool);
  const EndpointId gone = pool.endpoints[4].id;
  pool.remove(4);
  ring.follow(pool.endpoints);
  const std::vector<EndpointId> after = owners(ring, pool);
  for (std::size_t key = 0; key < before.size(); ++key) {
    if (before[key] == gone) CHECK(after[key] != gone);
    else CHECK(after[key] == before[key]);
  }
}

TEST_CASE("a ring that followed any changes equals one built anew from the same endpoints") {
  for_each_seed(50, [](Rng& rng) {
    PoolFixture pool = PoolFixture::equal(3);
    HashRing followed;
    for (int change = 0; change < 12; ++change) {
      switch (rng.below(4)) {
        case 0:
          if (pool.endpoints.size() > 1) pool.remove(rng.below(pool.endpoints.size()));
          break;
        case 1: pool.endpoints[rng.below(pool.endpoints.size())].weight_configured = 0.5 + rng.uniform() * 3; break;
        case 2: pool.endpoints[rng.below(pool.endpoints.size())].identity = rng.next(); break;
        default: pool.add(0.5 + rng.uniform() * 3);
      }
      followed.follow(pool.endpoints);
    }
    HashRing anew;
    anew.follow(pool.endpoints);
    REQUIRE(followed.points() == anew.points());
    for (int i = 0; i < 500; ++i) {
      const std::uint64_t hash = rng.next();
      REQUIRE(followed.owner(hash) == anew.owner(hash));
    }
  });
}

TEST_CASE("a hash belongs to the point that follows it, and behind the last point to the first") {
  const PoolFixture pool = PoolFixture::equal(3);
  HashRing ring;
  ring.follow(pool.endpoints);
  std::vector<std::pair<std::uint64_t, std::uint32_t>> points;
  for (std::uint32_t index = 0; index < 3; ++index) {
    for (std::uint32_t number = 0; number < HashRing::Points; ++number) {
      points.push_back({hash_combine(pool.endpoints[index].identity, number), index});
    }
  }
  std::sort(points.begin(), points.end());
  CHECK(ring.points() == points.size());
  for (std::size_t i = 0; i < points.size(); ++i) {
    CHECK(ring.owner(points[i].first) == points[i].second);
    CHECK(ring.owner(points[i].first + 1) == points[(i + 1) % points.size()].second);
  }
  CHECK(ring.owner(0) == points.front().second);
  CHECK(ring.owner(~std::uint64_t{0}) == points.front().second);
}

TEST_CASE("the place of an endpoint depends on its identity, not on its id") {
  PoolFixture one = PoolFixture::equal(3), other = PoolFixture::equal(3);
  for (std::size_t i = 0; i < 3; ++i) other.endpoints[i].id = EndpointId{static_cast<std::uint32_t>(100 + i)};
  HashRing a, b;
  a.follow(one.endpoints);
  b.follow(other.endpoints);
  for (std::uint64_t key = 0; key < 1000; ++key) CHECK(a.owner(splitmix64(key)) == b.owner(splitmix64(key)));
}

TEST_CASE("the ring stays within its limit of points however many endpoints there are") {
  HashRing ring;
  const PoolFixture pool = PoolFixture::equal(4000);
  ring.follow(pool.endpoints);
  CHECK(ring.points() <= HashRing::PointsMax);
  CHECK(ring.points() >= 4000 * HashRing::PointsMin);
}

TEST_CASE("a weight that dwarfs the others is held to the limit of one endpoint, and the others keep a point") {
  std::vector<double> weights(2000, 0.001);
  weights[0] = 1000;
  const PoolFixture pool(weights);
  HashRing ring;
  ring.follow(pool.endpoints);
  CHECK(ring.points() == HashRing::PointsOfOneMax + 1999);
}
