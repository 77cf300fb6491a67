#include "evener/route/policies/aibrix_prefix_cache.h"

#include <doctest/doctest.h>

#include "evener/route/testing/policy_properties.h"

using namespace evener;
using namespace evener::route;

namespace {

std::uint32_t choice(const PoolFixture& pool) {
  Rng rng(1);
  return AibrixPrefixCache().choose({.prompt_tokens = 1000}, pool.view(), rng);
}

}  // namespace

TEST_CASE("aibrix: in balance, the endpoint that holds most of the prompt, then the one with fewest requests") {
  PoolFixture pool = PoolFixture::equal(4);
  pool.in_flight({4, 4, 3, 3});
  pool.cached({100, 0, 0, 0});
  CHECK(choice(pool) == 0);  // 4 are just a deviation of 0.5 above the mean of 3.5
  pool.in_flight({3, 4, 3, 2});
  CHECK(choice(pool) == 0);
  pool.cached({100, 0, 100, 100});
  CHECK(choice(pool) == 3);
}

TEST_CASE("aibrix: a holder more than a deviation above the mean is passed over") {
  PoolFixture pool = PoolFixture::equal(4);
  pool.cached({900, 500, 0, 0});
  pool.in_flight({8, 2, 1, 1});  // mean 3, deviation 2.9
  CHECK(choice(pool) == 1);
  pool.in_flight({5, 4, 1, 1});  // mean 2.75, deviation 1.8
  CHECK(choice(pool) == 1);
  pool.in_flight({4, 4, 1, 1});
  CHECK(choice(pool) == 0);
}

TEST_CASE("aibrix: more than 8 apart, the fewest requests win whatever is cached") {
  PoolFixture pool = PoolFixture::equal(2);
  pool.cached({0, 1000});
  pool.in_flight({20, 11});
  CHECK(choice(pool) == 1);
  pool.in_flight({11, 20});
  CHECK(choice(pool) == 0);
}

TEST_CASE("aibrix: requests count per weight") {
  PoolFixture pool({1, 4});
  pool.in_flight({3, 8});
  CHECK(choice(pool) == 1);
}

TEST_CASE("aibrix: holds what every policy promises") { check_policy_properties(PolicyKind::AibrixPrefixCache); }
