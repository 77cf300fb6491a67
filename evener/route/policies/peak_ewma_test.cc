#include "evener/route/policies/peak_ewma.h"

#include <doctest/doctest.h>

#include <vector>

#include "evener/route/testing/policy_properties.h"

using namespace evener;
using namespace evener::route;
using namespace std::chrono_literals;

namespace {

PoolFixture pool_with(const std::vector<double>& latencies_s) {
  PoolFixture pool = PoolFixture::equal(latencies_s.size());
  pool.now = Instant{} + 100s;
  for (std::size_t i = 0; i < latencies_s.size(); ++i) {
    pool.endpoints[i].latency_s = latencies_s[i];
    pool.endpoints[i].latency_at = pool.now;
  }
  pool.latency_s = 1.0;
  return pool;
}

}  // namespace

TEST_CASE("of two endpoints the one that answers sooner is chosen") {
  PeakEwmaPolicy policy;
  Rng rng(1);
  CHECK(pool_with({0.4, 0.2}).counts(policy, 100, rng)[1] == 100);
}

TEST_CASE("requests in flight outweigh latency in proportion") {
  PeakEwmaPolicy policy;
  PoolFixture pool = pool_with({0.4, 0.2});
  pool.in_flight({0, 2});  // 0.4 * 1 against 0.2 * 3
  Rng rng(1);
  CHECK(pool.counts(policy, 100, rng)[0] == 100);
  CHECK(*policy.cost({}, pool.view(), 0) == doctest::Approx(0.4));
  CHECK(*policy.cost({}, pool.view(), 1) == doctest::Approx(0.6));
}

TEST_CASE("weight divides the cost") {
  PeakEwmaPolicy policy;
  PoolFixture pool = pool_with({0.4, 0.4});
  pool.endpoints[0].weight = 2;
  CHECK(*policy.cost({}, pool.view(), 0) == doctest::Approx(0.2));
}

TEST_CASE("a slow endpoint without news is tried again after a while") {
  PeakEwmaPolicy policy;
  PoolFixture pool = pool_with({1.0, 20.0});
  Rng rng(1);
  CHECK(pool.counts(policy, 100, rng)[1] == 0);
  pool.now += 60s;
  pool.endpoints[0].latency_at = pool.now;  // the fast one keeps answering
  CHECK(pool.counts(policy, 100, rng)[1] == 100);
}

TEST_CASE("an endpoint without any observation is neither starved nor flooded") {
  PeakEwmaPolicy policy;
  PoolFixture pool = pool_with({1.0, 1.0, 1.0, 1.0});
  pool.endpoints[3].latency_s = 0;
  Rng rng(2);
  for (int i = 0; i < 40; ++i) ++pool.endpoints[policy.choose({}, pool.view(), rng)].in_flight;
  CHECK(pool.endpoints[3].in_flight >= 8);
  CHECK(pool.endpoints[3].in_flight <= 20);  // at half the mean latency it may have twice the others' load
}

TEST_CASE("a pool that has observed nothing behaves like power of two choices") {
  PeakEwmaPolicy policy;
  PoolFixture pool = PoolFixture::equal(2);
  pool.in_flight({1, 0});
  Rng rng(1);
  CHECK(pool.counts(policy, 100, rng)[1] == 100);
}

TEST_CASE("peak EWMA keeps what every policy promises") { check_policy_properties(PolicyKind::PeakEwma); }
