#include "evener/route/policies/round_robin.h"

#include <doctest/doctest.h>

#include <vector>

#include "evener/route/testing/policy_properties.h"

using namespace evener;
using namespace evener::route;

namespace {

std::vector<std::uint32_t> turns(RoundRobin& policy, const PoolFixture& pool, int requests) {
  Rng rng(1);
  std::vector<std::uint32_t> order;
  for (int i = 0; i < requests; ++i) order.push_back(policy.choose({}, pool.view(), rng));
  return order;
}

}  // namespace

TEST_CASE("round robin takes the candidates in turn, beginning with the first") {
  RoundRobin policy;
  CHECK(turns(policy, PoolFixture::equal(3), 7) == std::vector<std::uint32_t>{0, 1, 2, 0, 1, 2, 0});
}

TEST_CASE("round robin passes over an endpoint that is not a candidate and keeps its place in the round") {
  RoundRobin policy;
  PoolFixture pool = PoolFixture::equal(4);
  CHECK(turns(policy, pool, 2) == std::vector<std::uint32_t>{0, 1});
  pool.only({0, 1, 3});
  CHECK(turns(policy, pool, 2) == std::vector<std::uint32_t>{3, 0});
  pool.all_candidates();
  CHECK(turns(policy, pool, 2) == std::vector<std::uint32_t>{1, 2});
}

TEST_CASE("round robin goes on behind the last endpoint when another one is removed") {
  RoundRobin policy;
  PoolFixture pool = PoolFixture::equal(4);
  CHECK(turns(policy, pool, 3) == std::vector<std::uint32_t>{0, 1, 2});
  pool.remove(0);  // ids 2, 3, 4 are left, and id 3 was the last
  CHECK(turns(policy, pool, 1) == std::vector<std::uint32_t>{2});
}

TEST_CASE("round robin knows no weights") {
  RoundRobin policy;
  Rng rng(1);
  CHECK(PoolFixture({1, 9}).counts(policy, 100, rng) == std::vector<int>{50, 50});
}

TEST_CASE("round robin compares no figure") {
  const RoundRobin policy;
  CHECK_FALSE(policy.cost({}, PoolFixture::equal(2).view(), 0).has_value());
}

TEST_CASE("round robin keeps what every policy promises") { check_policy_properties(PolicyKind::RoundRobin); }
