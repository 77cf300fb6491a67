#include "evener/route/policies/hops.h"

#include <doctest/doctest.h>

#include <set>
#include <vector>

#include "evener/route/testing/pool_fixture.h"

using namespace evener;
using namespace evener::route;

TEST_CASE("the hops of one key lead to different places, and those of two keys differ") {
  std::set<std::uint64_t> places;
  for (std::uint64_t key = 1; key <= 100; ++key) {
    for (std::uint32_t hop = 0; hop < HopsMax; ++hop) places.insert(hop_hash(key, hop));
  }
  CHECK(places.size() == 100 * HopsMax);
}

TEST_CASE("a candidate is found in a full list and in a filtered one") {
  PoolFixture pool = PoolFixture::equal(5);
  CHECK(is_candidate(pool.view(), 4));
  pool.only({0, 3});
  CHECK(is_candidate(pool.view(), 3));
  CHECK_FALSE(is_candidate(pool.view(), 4));
}

TEST_CASE("rendezvous shares keys by weight") {
  const PoolFixture pool({1, 3});
  int heavy = 0;
  for (std::uint64_t key = 1; key <= 20000; ++key) {
    if (rendezvous_rank(key, pool.endpoints[1]) < rendezvous_rank(key, pool.endpoints[0])) ++heavy;
  }
  CHECK(heavy == doctest::Approx(15000).epsilon(0.03));
}
