#include "evener/route/policies/bounded_hash.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <set>
#include <vector>

#include "evener/route/testing/policy_properties.h"

using namespace evener;
using namespace evener::route;

namespace {

/// Enough in flight everywhere that the bound of 1.25 times the mean leaves room.
PoolFixture busy_pool(std::size_t endpoints) {
  PoolFixture pool = PoolFixture::equal(endpoints);
  for (EndpointView& endpoint : pool.endpoints) endpoint.in_flight = 20;
  return pool;
}

}  // namespace

TEST_CASE("a key goes to the same endpoint every time") {
  BoundedHash policy;
  const PoolFixture pool = busy_pool(8);
  pool.introduce(policy);
  Rng rng(1);
  for (std::uint64_t key = 1; key <= 100; ++key) {
    const std::uint32_t first = policy.choose({.affinity_key = key}, pool.view(), rng);
    for (int i = 0; i < 5; ++i) CHECK(policy.choose({.affinity_key = key}, pool.view(), rng) == first);
  }
}

TEST_CASE("no endpoint gets more than 1.25 times its fair share, rounded up and at least 4, even when all requests carry one key") {
  for_each_seed(100, [](Rng& rng) {
    std::vector<double> weights(2 + rng.below(10));
    double total_weight = 0;
    for (double& weight : weights) total_weight += weight = 0.5 + rng.uniform() * 3;
    PoolFixture pool(weights);
    BoundedHash policy;
    pool.introduce(policy);
    const std::uint64_t keys = 1 + rng.below(3);
    for (std::uint32_t total = 1; total <= 200; ++total) {
      const std::uint32_t index = policy.choose({.affinity_key = 1 + rng.below(keys)}, pool.view(), rng);
      ++pool.endpoints[index].in_flight;
      const double share = std::ceil(BoundedHash::BoundFactor * total * weights[index] / total_weight);
      REQUIRE(pool.endpoints[index].in_flight <= std::max(share, static_cast<double>(BoundedHash::BoundFloor)));
    }
  });
}

TEST_CASE("in a pool that is nearly idle the sessions of one endpoint stay together, up to the floor of the bound") {
  BoundedHash policy;
  PoolFixture pool = PoolFixture::equal(8);
  pool.introduce(policy);
  Rng rng(1);
  std::vector<std::uint64_t> keys;  // of endpoint 3
  for (std::uint64_t key = 1; keys.size() <= BoundedHash::BoundFloor; ++key) {
    if (policy.choose({.affinity_key = key}, pool.view(), rng) == 3) keys.push_back(key);
  }
  for (std::uint32_t i = 0; i < BoundedHash::BoundFloor; ++i) {
    REQUIRE(policy.choose({.affinity_key = keys[i]}, pool.view(), rng) == 3);
    CHECK(*policy.cost({.affinity_key = keys[i]}, pool.view(), 3) == 0.0);
    ++pool.endpoints[3].in_flight;
  }
  CHECK(policy.choose({.affinity_key = keys.back()}, pool.view(), rng) != 3);
}

TEST_CASE("with one request per endpoint on average, fewer than one session in a hundred is away from its endpoint") {
  std::uint32_t away = 0, sent = 0;
  for_each_seed(200, [&](Rng& rng) {
    BoundedHash policy;
    PoolFixture pool = PoolFixture::equal(16);
    pool.introduce(policy);
    for (int i = 0; i < 16; ++i, ++sent) {
      const RequestView request{.affinity_key = 1 + rng.next() / 2};
      const std::uint32_t index = policy.choose(request, pool.view(), rng);
      if (*policy.cost(request, pool.view(), index) > 0.0) ++away;
      ++pool.endpoints[index].in_flight;
    }
  });
  CHECK(away * 100 < sent);
}

TEST_CASE("keys of a full endpoint spread over many others instead of all going to one neighbour") {
  BoundedHash policy;
  PoolFixture pool = busy_pool(12);
  pool.introduce(policy);
  Rng rng(1);
  std::vector<std::uint64_t> keys;  // of endpoint 0
  for (std::uint64_t key = 1; keys.size() < 50; ++key) {
    if (policy.choose({.affinity_key = key}, pool.view(), rng) == 0) keys.push_back(key);
  }
  pool.endpoints[0].in_flight = 1000;
  std::set<std::uint32_t> takers;
  for (std::uint64_t key : keys) takers.insert(policy.choose({.affinity_key = key}, pool.view(), rng));
  CHECK(takers.size() >= 8);
  CHECK(takers.count(0) == 0);
}

TEST_CASE("keys come home when the endpoint has room again") {
  BoundedHash policy;
  PoolFixture pool = busy_pool(6);
  pool.introduce(policy);
  Rng rng(1);
  const std::uint32_t home = policy.choose({.affinity_key = 7}, pool.view(), rng);
  pool.endpoints[home].in_flight = 1000;
  const std::uint32_t away = policy.choose({.affinity_key = 7}, pool.view(), rng);
  CHECK(away != home);
  CHECK(policy.choose({.affinity_key = 7}, pool.view(), rng) == away);  // the overflow has a fixed place too
  pool.endpoints[home].in_flight = 20;
  CHECK(policy.choose({.affinity_key = 7}, pool.view(), rng) == home);
}

TEST_CASE("when an endpoint is no candidate only its own keys move") {
  BoundedHash policy;
  PoolFixture pool = busy_pool(10);
  pool.introduce(policy);
  Rng rng(1);
  std::vector<std::uint32_t> before;
  for (std::uint64_t key = 1; key <= 500; ++key) before.push_back(policy.choose({.affinity_key = key}, pool.view(), rng));
  pool.only({0, 1, 2, 4, 5, 6, 7, 8, 9});
  for (std::uint64_t key = 1; key <= 500; ++key) {
    const std::uint32_t now = policy.choose({.affinity_key = key}, pool.view(), rng);
    if (before[key - 1] != 3) CHECK(now == before[key - 1]);
    else CHECK(now != 3);
  }
}

TEST_CASE("one candidate left of many endpoints is still found, and two share keys firmly") {
  BoundedHash policy;
  PoolFixture pool = busy_pool(2000);
  pool.introduce(policy);
  Rng rng(1);
  pool.only({1234});
  CHECK(policy.choose({.affinity_key = 5}, pool.view(), rng) == 1234);
  pool.only({17, 1234});
  std::set<std::uint32_t> seen;
  for (std::uint64_t key = 1; key <= 50; ++key) {
    const std::uint32_t index = policy.choose({.affinity_key = key}, pool.view(), rng);
    CHECK(policy.choose({.affinity_key = key}, pool.view(), rng) == index);
    seen.insert(index);
  }
  CHECK(seen.size() == 2);
}

TEST_CASE("a request without a key goes to the least loaded") {
  BoundedHash policy;
  PoolFixture pool = busy_pool(4);
  pool.endpoints[2].in_flight = 3;
  pool.introduce(policy);
  Rng rng(1);
  CHECK(policy.choose({}, pool.view(), rng) == 2);
  CHECK(*policy.cost({}, pool.view(), 2) == 3.0);
}

TEST_CASE("slow start lowers the bound of an endpoint") {
  BoundedHash policy;
  PoolFixture pool = busy_pool(4);
  pool.introduce(policy);
  Rng rng(1);
  const std::uint32_t home = policy.choose({.affinity_key = 3}, pool.view(), rng);
  pool.endpoints[home].weight = 0.1;
  pool.endpoints[home].in_flight = 5;
  CHECK(policy.choose({.affinity_key = 3}, pool.view(), rng) != home);
}

TEST_CASE("the cost is 0 where the key belongs, and beyond every hop where the bound is reached") {
  BoundedHash policy;
  PoolFixture pool = busy_pool(5);
  pool.introduce(policy);
  Rng rng(1);
  const std::uint32_t home = policy.choose({.affinity_key = 9}, pool.view(), rng);
  CHECK(*policy.cost({.affinity_key = 9}, pool.view(), home) == 0.0);
  pool.endpoints[home].in_flight = 1000;
  CHECK(*policy.cost({.affinity_key = 9}, pool.view(), home) >= 64.0);
}

TEST_CASE("bounded hash chooses the endpoint whose cost is least") {
  for_each_seed(100, [](Rng& rng) {
    PoolFixture pool = PoolFixture::equal(2 + rng.below(10));
    for (EndpointView& endpoint : pool.endpoints) endpoint.in_flight = static_cast<std::uint32_t>(rng.below(20));
    BoundedHash policy;
    pool.introduce(policy);
    const RequestView request{.affinity_key = 1 + rng.next() / 2};
    std::vector<std::optional<double>> costs(pool.candidates.size());
    policy.costs(request, pool.view(), costs);
    const std::uint32_t chosen = policy.choose(request, pool.view(), rng);
    for (std::uint32_t i = 0; i < costs.size(); ++i) {
      REQUIRE(costs[i].has_value());
      CHECK(*costs[chosen] <= *costs[i]);
      CHECK(*costs[i] == *policy.cost(request, pool.view(), i));
    }
  });
}

TEST_CASE("bounded hash keeps what every policy promises") { check_policy_properties(PolicyKind::BoundedHash); }
