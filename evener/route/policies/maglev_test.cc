#include "evener/route/policies/maglev.h"

#include <doctest/doctest.h>

#include <set>
#include <vector>

#include "evener/route/testing/policy_properties.h"

using namespace evener;
using namespace evener::route;

TEST_CASE("a key goes to one endpoint whatever the load, and keys spread by weight") {
  Maglev policy;
  PoolFixture pool({1, 3});
  pool.introduce(policy);
  Rng rng(1);
  int heavy = 0;
  for (std::uint64_t key = 1; key <= 4000; ++key) {
    pool.in_flight({0, 0});
    const std::uint32_t index = policy.choose({.affinity_key = key}, pool.view(), rng);
    pool.in_flight({1000, 1000});
    CHECK(policy.choose({.affinity_key = key}, pool.view(), rng) == index);
    if (index == 1) ++heavy;
  }
  CHECK(heavy == doctest::Approx(3000).epsilon(0.05));
}

TEST_CASE("keys of an endpoint that is no candidate go to fixed places and come back afterwards") {
  Maglev policy;
  PoolFixture pool = PoolFixture::equal(8);
  pool.introduce(policy);
  Rng rng(1);
  std::vector<std::uint32_t> before;
  for (std::uint64_t key = 1; key <= 800; ++key) before.push_back(policy.choose({.affinity_key = key}, pool.view(), rng));
  pool.only({0, 1, 2, 3, 4, 6, 7});
  std::set<std::uint32_t> takers;
  for (std::uint64_t key = 1; key <= 800; ++key) {
    const std::uint32_t now = policy.choose({.affinity_key = key}, pool.view(), rng);
    if (before[key - 1] == 5) {
      CHECK(now == policy.choose({.affinity_key = key}, pool.view(), rng));
      takers.insert(now);
    } else {
      CHECK(now == before[key - 1]);
    }
  }
  CHECK(takers.size() == 7);
  pool.all_candidates();
  for (std::uint64_t key = 1; key <= 800; ++key) CHECK(policy.choose({.affinity_key = key}, pool.view(), rng) == before[key - 1]);
}

TEST_CASE("slow start moves no keys") {
  Maglev policy;
  PoolFixture pool = PoolFixture::equal(4);
  pool.introduce(policy);
  Rng rng(1);
  std::vector<std::uint32_t> before;
  for (std::uint64_t key = 1; key <= 200; ++key) before.push_back(policy.choose({.affinity_key = key}, pool.view(), rng));
  pool.endpoints[1].weight = 0.1;
  pool.introduce(policy);
  for (std::uint64_t key = 1; key <= 200; ++key) CHECK(policy.choose({.affinity_key = key}, pool.view(), rng) == before[key - 1]);
}

TEST_CASE("a single candidate among a thousand endpoints is found") {
  Maglev policy;
  PoolFixture pool = PoolFixture::equal(1000);
  pool.introduce(policy);
  pool.only({777});
  Rng rng(1);
  CHECK(policy.choose({.affinity_key = 3}, pool.view(), rng) == 777);
}

TEST_CASE("without a key the least loaded is chosen") {
  Maglev policy;
  PoolFixture pool = PoolFixture::equal(3);
  pool.in_flight({2, 2, 1});
  pool.introduce(policy);
  Rng rng(1);
  CHECK(policy.choose({}, pool.view(), rng) == 2);
}

TEST_CASE("the costs are the hops at which the key arrives, so the chosen endpoint has the least") {
  for_each_seed(50, [](Rng& rng) {
    PoolFixture pool = PoolFixture::equal(2 + rng.below(8));
    Maglev policy;
    pool.introduce(policy);
    const RequestView request{.affinity_key = 1 + rng.next() / 2};
    std::vector<std::optional<double>> costs(pool.candidates.size());
    policy.costs(request, pool.view(), costs);
    const std::uint32_t chosen = policy.choose(request, pool.view(), rng);
    for (std::uint32_t i = 0; i < costs.size(); ++i) {
      CHECK(*costs[chosen] <= *costs[i]);
      CHECK(*costs[i] == *policy.cost(request, pool.view(), i));
    }
  });
}

TEST_CASE("maglev keeps what every policy promises") {
  check_policy_properties(PolicyKind::Maglev, 8);  // few seeds, as its tables are slow to build without optimisation
}
