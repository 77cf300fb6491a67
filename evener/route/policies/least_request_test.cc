#include "evener/route/policies/least_request.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <deque>
#include <vector>

#include "evener/route/testing/policy_properties.h"

using namespace evener;
using namespace evener::route;

TEST_CASE("the endpoint with the fewest requests in flight is chosen") {
  LeastRequest policy;
  PoolFixture pool = PoolFixture::equal(4);
  pool.introduce(policy);
  pool.in_flight({3, 1, 0, 2});
  Rng rng(1);
  CHECK(policy.choose({}, pool.view(), rng) == 2);
}

TEST_CASE("requests in flight count per unit of weight") {
  LeastRequest policy;
  PoolFixture pool({1, 4});
  pool.introduce(policy);
  pool.in_flight({1, 3});
  Rng rng(1);
  CHECK(policy.choose({}, pool.view(), rng) == 1);  // 3/4 is less than 1/1
}

TEST_CASE("equally loaded endpoints take turns, so the first is not preferred") {
  LeastRequest policy;
  const PoolFixture pool = PoolFixture::equal(5);
  pool.introduce(policy);
  Rng rng(1);
  CHECK(pool.counts(policy, 500, rng) == std::vector<int>{100, 100, 100, 100, 100});
}

TEST_CASE("two equals among busier endpoints share evenly, wherever they stand") {
  LeastRequest policy;
  PoolFixture pool = PoolFixture::equal(8);
  pool.introduce(policy);
  pool.in_flight({0, 5, 5, 5, 5, 5, 5, 0});
  Rng rng(1);
  const std::vector<int> chosen = pool.counts(policy, 100, rng);
  CHECK(chosen[0] == 50);
  CHECK(chosen[7] == 50);
}

TEST_CASE("an idle pool follows the weights") {
  LeastRequest policy;
  const PoolFixture pool({6, 3, 1});
  pool.introduce(policy);
  Rng rng(1);
  CHECK(pool.counts(policy, 1000, rng) == std::vector<int>{600, 300, 100});
}

TEST_CASE("an endpoint in slow start is not flooded, although it is the idlest") {
  LeastRequest policy;
  PoolFixture pool = PoolFixture::equal(4);
  pool.introduce(policy);
  pool.in_flight({8, 8, 8, 0});
  pool.endpoints[3].weight = 0.1;
  Rng rng(1);
  int newcomer = 0;
  for (int i = 0; i < 12; ++i) {
    const std::uint32_t index = policy.choose({}, pool.view(), rng);
    ++pool.endpoints[index].in_flight;
    if (index == 3) ++newcomer;
  }
  CHECK(newcomer <= 2);
  CHECK(newcomer >= 1);
}

TEST_CASE("an endpoint that missed many turns does not make up for them in a burst") {
  LeastRequest policy;
  PoolFixture pool = PoolFixture::equal(3);
  pool.introduce(policy);
  Rng rng(1);
  pool.only({0, 1});
  (void)pool.counts(policy, 1000, rng);
  pool.all_candidates();
  CHECK(pool.counts(policy, 30, rng)[2] == 10);
}

TEST_CASE("under a steady load in flight follows the weights") {
  for_each_seed(50, [](Rng& rng) {
    PoolFixture pool({1, 2, 4});
    LeastRequest policy;
    pool.introduce(policy);
    std::deque<std::uint32_t> running;
    for (int i = 0; i < 2000; ++i) {
      const std::uint32_t index = policy.choose({}, pool.view(), rng);
      ++pool.endpoints[index].in_flight;
      running.push_back(index);
      if (running.size() > 70) {
        const auto at = static_cast<std::ptrdiff_t>(rng.below(running.size()));
        --pool.endpoints[running[static_cast<std::size_t>(at)]].in_flight;
        running.erase(running.begin() + at);
      }
    }
    const double unit = 70.0 / 7;
    CHECK(pool.endpoints[0].in_flight == doctest::Approx(unit).epsilon(0.35));
    CHECK(pool.endpoints[1].in_flight == doctest::Approx(2 * unit).epsilon(0.25));
    CHECK(pool.endpoints[2].in_flight == doctest::Approx(4 * unit).epsilon(0.15));
  });
}

TEST_CASE("least request never picks an endpoint while another candidate has less load") {
  for_each_seed(300, [](Rng& rng) {
    PoolFixture pool(std::vector<double>{});
    for (std::uint64_t i = 0; i < 2 + rng.below(12); ++i) {
      pool.add(0.1 + rng.uniform() * 5);
      pool.endpoints.back().in_flight = static_cast<std::uint32_t>(rng.below(10));
    }
    LeastRequest policy;
    pool.introduce(policy);
    const PoolView view = pool.view();
    const std::uint32_t chosen = policy.choose({}, view, rng);
    for (std::uint32_t index : view.candidates) CHECK(*policy.cost({}, view, chosen) <= *policy.cost({}, view, index));
  });
}

TEST_CASE("least request keeps what every policy promises") { check_policy_properties(PolicyKind::LeastRequest); }
