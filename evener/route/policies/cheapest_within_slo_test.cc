#include "evener/route/policies/cheapest_within_slo.h"

#include <doctest/doctest.h>

#include "evener/route/testing/policy_properties.h"

using namespace evener;
using namespace evener::route;
using namespace std::chrono_literals;

namespace {

/// A dear fast endpoint, a cheap slow one, and one that is slower and no cheaper.
PoolFixture three_prices() {
  PoolFixture pool = PoolFixture::equal(3);
  pool.endpoints[0].speed = {.base_s = 0.1, .prefill_s_per_token = 1e-4, .step_s = 0.01};
  pool.endpoints[1].speed = {.base_s = 0.2, .prefill_s_per_token = 8e-4, .step_s = 0.04};
  pool.endpoints[2].speed = {.base_s = 0.3, .prefill_s_per_token = 9e-4, .step_s = 0.05};
  pool.endpoints[0].input_price = 5;
  pool.endpoints[1].input_price = 1;
  pool.endpoints[2].input_price = 1;
  return pool;
}

std::uint32_t choice(const PoolFixture& pool, const RequestView& request) {
  Rng rng(1);
  return CheapestWithinSlo().choose(request, pool.view(), rng);
}

RequestView prompt(Duration first_token, Duration token = {}) {
  return {.prompt_tokens = 1000, .output_tokens = 100, .first_token_objective = first_token, .token_objective = token};
}

}  // namespace

TEST_CASE("cheapest: without objectives the lowest price wins, and of equal prices the shortest wait") {
  CHECK(choice(three_prices(), prompt({})) == 1);
}

TEST_CASE("cheapest: an endpoint that would miss the objective for the first token is not asked") {
  CHECK(choice(three_prices(), prompt(1001ms)) == 1);  // 0.2 + 0.8 s
  CHECK(choice(three_prices(), prompt(999ms)) == 0);
}

TEST_CASE("cheapest: nor one that would miss the objective between tokens") {
  CHECK(choice(three_prices(), prompt({}, 41ms)) == 1);
  CHECK(choice(three_prices(), prompt({}, 39ms)) == 0);
}

TEST_CASE("cheapest: a queue that makes the cheap endpoint late sends requests to the dear one") {
  PoolFixture pool = three_prices();
  pool.endpoints[1].in_flight_uncached_tokens = 2000;  // 1.6 s more
  CHECK(choice(pool, prompt(2s)) == 2);
  pool.endpoints[2].in_flight_uncached_tokens = 2000;
  CHECK(choice(pool, prompt(2s)) == 0);
}

TEST_CASE("cheapest: when all would be late the shortest wait wins, whatever it costs") { CHECK(choice(three_prices(), prompt(1ms)) == 0); }

TEST_CASE("cheapest: an endpoint nobody knows the speed of is tried") {
  PoolFixture pool = three_prices();
  pool.endpoints[2].speed = {};
  pool.endpoints[2].input_price = 0.5;
  CHECK(choice(pool, prompt(300ms)) == 2);
}

TEST_CASE("cheapest: its cost is the price of the request, and none where an objective is missed") {
  PoolFixture pool = three_prices();
  pool.endpoints[0].output_price = 20;
  const RequestView request = prompt(500ms);
  CHECK(*CheapestWithinSlo().cost(request, pool.view(), 0) == doctest::Approx((5 * 1000 + 20 * 100) / 1e6));
  CHECK_FALSE(CheapestWithinSlo().cost(request, pool.view(), 1).has_value());
}

TEST_CASE("cheapest: holds what every policy promises") { check_policy_properties(PolicyKind::CheapestWithinSlo); }
