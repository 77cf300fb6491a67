#include "evener/route/policies/power_of_two.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <vector>

#include "evener/route/policies/random.h"
#include "evener/route/testing/policy_properties.h"

using namespace evener;
using namespace evener::route;

TEST_CASE("of two candidates the less loaded is always chosen, as both are drawn") {
  PowerOfTwo policy;
  PoolFixture pool = PoolFixture::equal(2);
  pool.in_flight({3, 2});
  Rng rng(1);
  CHECK(pool.counts(policy, 200, rng)[1] == 200);
}

TEST_CASE("the most loaded of many endpoints is never chosen") {
  PowerOfTwo policy;
  PoolFixture pool = PoolFixture::equal(10);
  pool.endpoints[4].in_flight = 1;
  Rng rng(1);
  CHECK(pool.counts(policy, 5000, rng)[4] == 0);
}

TEST_CASE("an idle pool follows the weights, since the first draw wins a tie") {
  PowerOfTwo policy;
  Rng rng(1);
  const std::vector<int> chosen = PoolFixture({1, 1, 8}).counts(policy, 50000, rng);
  CHECK(chosen[2] == doctest::Approx(40000).epsilon(0.03));
}

TEST_CASE("a strong endpoint among many weak ones gets its share of the load") {
  std::vector<double> weights(40, 1.0);
  weights[7] = 20.0;
  PoolFixture pool(weights);
  PowerOfTwo policy;
  Rng rng(3);
  for (int i = 0; i < 590; ++i) ++pool.endpoints[policy.choose({}, pool.view(), rng)].in_flight;
  CHECK(pool.endpoints[7].in_flight >= 150);  // its exact share is 200; drawn evenly it would be looked at 30 times
}

TEST_CASE("the fullest of 100 endpoints is far less full than with random choice") {
  const auto fullest = [](Policy& policy) {
    PoolFixture pool = PoolFixture::equal(100);
    Rng rng(5);
    for (int i = 0; i < 10000; ++i) ++pool.endpoints[policy.choose({}, pool.view(), rng)].in_flight;
    return std::max_element(pool.endpoints.begin(), pool.endpoints.end(), [](const auto& a, const auto& b) { return a.in_flight < b.in_flight; })
        ->in_flight;
  };
  PowerOfTwo two;
  Random one;
  CHECK(fullest(two) <= 104);
  CHECK(fullest(one) >= 115);
}

TEST_CASE("a single candidate is chosen without a second draw") {
  PowerOfTwo policy;
  PoolFixture pool = PoolFixture::equal(3);
  pool.only({1});
  Rng rng(1);
  CHECK(pool.counts(policy, 10, rng)[1] == 10);
}

TEST_CASE("power of two keeps what every policy promises") { check_policy_properties(PolicyKind::PowerOfTwo); }
