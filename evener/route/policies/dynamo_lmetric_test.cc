#include "evener/route/policies/dynamo_lmetric.h"

#include <doctest/doctest.h>

#include "evener/route/testing/policy_properties.h"

using namespace evener;
using namespace evener::route;

TEST_CASE("lmetric: blocks to compute times one more than the blocks that decode, with the request's") {
  PoolFixture pool = PoolFixture::equal(2);
  pool.endpoints[0].in_flight_uncached_tokens = 6400;  // 100 blocks
  pool.endpoints[0].in_flight_prompt_tokens = 12'800;  // 200 blocks
  pool.cached({640, 0});
  const RequestView request{.prompt_tokens = 1280};  // 20 blocks, 10 of them cached
  CHECK(*DynamoLmetric().cost(request, pool.view(), 0) == doctest::Approx((100 + 10) * (200 + 20 + 1)));
  CHECK(*DynamoLmetric().cost(request, pool.view(), 1) == doctest::Approx(20 * (20 + 1)));
}

TEST_CASE("lmetric: a cached half does not make up for twice as much that decodes") {
  PoolFixture pool = PoolFixture::equal(2);
  pool.cached({3200, 0});                              // 50 of 100 blocks
  pool.endpoints[0].in_flight_prompt_tokens = 12'800;  // 200 blocks: 50 * 301 against 100 * 101
  Rng rng(1);
  CHECK(DynamoLmetric().choose({.prompt_tokens = 6400}, pool.view(), rng) == 1);
  pool.endpoints[0].in_flight_prompt_tokens = 3200;  // 50 * 151
  CHECK(DynamoLmetric().choose({.prompt_tokens = 6400}, pool.view(), rng) == 0);
}

TEST_CASE("lmetric: holds what every policy promises") { check_policy_properties(PolicyKind::DynamoLmetric); }
