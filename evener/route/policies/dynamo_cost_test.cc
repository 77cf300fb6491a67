#include "evener/route/policies/dynamo_cost.h"

#include <doctest/doctest.h>

#include "evener/route/testing/policy_properties.h"

using namespace evener;
using namespace evener::route;

TEST_CASE("dynamo: blocks to compute, less what is cached, and blocks that decode, with the request's") {
  PoolFixture pool = PoolFixture::equal(2);
  pool.endpoints[0].in_flight_uncached_tokens = 6400;  // 100 blocks
  pool.endpoints[0].in_flight_prompt_tokens = 12'800;  // 200 blocks
  pool.cached({640, 0});
  const RequestView request{.prompt_tokens = 1280};  // 20 blocks, 10 of them cached
  CHECK(*DynamoCost().cost(request, pool.view(), 0) == doctest::Approx(100 + 10 + 200 + 20));
  CHECK(*DynamoCost().cost(request, pool.view(), 1) == doctest::Approx(20 + 20));
}

TEST_CASE("dynamo: a cached prefix outweighs as many blocks in flight, and no more") {
  DynamoCost policy;
  PoolFixture pool = PoolFixture::equal(2);
  pool.cached({1000, 0});
  Rng rng(1);
  pool.endpoints[0].in_flight_uncached_tokens = 999;
  CHECK(policy.choose({.prompt_tokens = 2000}, pool.view(), rng) == 0);
  pool.endpoints[0].in_flight_uncached_tokens = 1001;
  CHECK(policy.choose({.prompt_tokens = 2000}, pool.view(), rng) == 1);
}

TEST_CASE("dynamo: blocks count per weight") {
  PoolFixture pool({1, 4});
  pool.endpoints[1].in_flight_uncached_tokens = 2999;  // a quarter of 2999 + 2 * 1000
  Rng rng(1);
  CHECK(DynamoCost().choose({.prompt_tokens = 1000}, pool.view(), rng) == 1);
  pool.endpoints[1].in_flight_uncached_tokens = 6001;
  CHECK(DynamoCost().choose({.prompt_tokens = 1000}, pool.view(), rng) == 0);
}

TEST_CASE("dynamo: holds what every policy promises") { check_policy_properties(PolicyKind::DynamoCost); }
