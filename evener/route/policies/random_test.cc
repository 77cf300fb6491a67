#include "evener/route/policies/random.h"

#include <doctest/doctest.h>

#include <vector>

#include "evener/route/testing/policy_properties.h"

using namespace evener;
using namespace evener::route;

TEST_CASE("random follows the weights") {
  Random policy;
  Rng rng(1);
  const std::vector<int> chosen = PoolFixture({1, 3}).counts(policy, 40000, rng);
  CHECK(chosen[0] == doctest::Approx(10000).epsilon(0.05));
}

TEST_CASE("random follows a weight that changes while the endpoints stay") {
  Random policy;
  PoolFixture pool = PoolFixture::equal(2);
  Rng rng(1);
  CHECK(pool.counts(policy, 10000, rng)[0] == doctest::Approx(5000).epsilon(0.05));
  pool.set_weight(0, 0.1);
  CHECK(pool.counts(policy, 11000, rng)[0] == doctest::Approx(1000).epsilon(0.15));
}

TEST_CASE("random draws from a list made for one request, and forgets it afterwards") {
  Random policy;
  PoolFixture pool = PoolFixture::equal(3);
  Rng rng(1);
  (void)pool.counts(policy, 10, rng);
  pool.only({2});
  CHECK(pool.counts(policy, 100, rng)[2] == 100);
  pool.all_candidates();
  CHECK(pool.counts(policy, 3000, rng)[0] == doctest::Approx(1000).epsilon(0.1));
}

TEST_CASE("random keeps what every policy promises") { check_policy_properties(PolicyKind::Random); }
