#include "evener/route/policies/least_load.h"

#include <doctest/doctest.h>

#include "evener/route/testing/policy_properties.h"

using namespace evener;
using namespace evener::route;
using namespace std::chrono_literals;

namespace {

double cost_of(const PoolFixture& pool, std::uint32_t index = 0) { return *LeastLoad().cost({}, pool.view(), index); }

PoolFixture one_endpoint() {
  PoolFixture pool = PoolFixture::equal(1);
  pool.now = Instant{} + 1000s;
  return pool;
}

}  // namespace

TEST_CASE("least load: tokens reported and sent since, at the endpoint's rate, and a penalty for a full cache") {
  PoolFixture pool = one_endpoint();
  pool.endpoints[0].report = LoadReport{.at = pool.now, .waiting_tokens = 3000, .kv_used = 0.75};
  pool.endpoints[0].tokens_since_report = 1000;
  CHECK(cost_of(pool) == doctest::Approx(4000 / 2000.0 + 0.15 * 3));
  pool.endpoints[0].speed = {.prefill_s_per_token = 1e-4, .at = pool.now};
  CHECK(cost_of(pool) == doctest::Approx(0.4 + 0.45));
}

TEST_CASE("least load: a queue that is reported in requests counts 1,024 tokens for each") {
  PoolFixture pool = one_endpoint();
  pool.endpoints[0].report = LoadReport{.at = pool.now, .waiting = 2};
  CHECK(cost_of(pool) == doctest::Approx(2048 / 2000.0));
}

TEST_CASE("least load: without a fresh report our own requests count 1,024 tokens each") {
  PoolFixture pool = one_endpoint();
  pool.in_flight({3});
  CHECK(cost_of(pool) == doctest::Approx(3 * 1024 / 2000.0));
  pool.endpoints[0].report = LoadReport{.at = pool.now, .waiting_tokens = 0};
  CHECK(cost_of(pool) == 0);
  pool.now += 30s;
  CHECK(cost_of(pool) == 0);
  pool.now += 1ms;
  CHECK(cost_of(pool) == doctest::Approx(3 * 1024 / 2000.0));
}

TEST_CASE("least load: a full cache is worse than any queue, and still a number") {
  PoolFixture pool = one_endpoint();
  pool.endpoints[0].report = LoadReport{.at = pool.now, .waiting_tokens = 0, .kv_used = 1};
  CHECK(cost_of(pool) == doctest::Approx(0.15 * 999));
}

TEST_CASE("least load: a strong endpoint computes as much faster as its weight says, one in slow start as much slower") {
  PoolFixture pool({4, 4});
  pool.in_flight({4, 4});
  pool.set_weight(1, 1);
  CHECK(cost_of(pool, 0) == doctest::Approx(1024 / 2000.0));
  CHECK(cost_of(pool, 1) == doctest::Approx(4 * 1024 / 2000.0));
  Rng rng(1);
  CHECK(LeastLoad().choose({}, pool.view(), rng) == 0);
}

TEST_CASE("least load: holds what every policy promises") { check_policy_properties(PolicyKind::LeastLoad); }
