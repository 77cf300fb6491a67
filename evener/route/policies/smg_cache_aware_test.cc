#include "evener/route/policies/smg_cache_aware.h"

#include <doctest/doctest.h>

#include "evener/route/testing/policy_properties.h"

using namespace evener;
using namespace evener::route;

namespace {

std::uint32_t choice(const PoolFixture& pool) {
  Rng rng(1);
  return SmgCacheAware().choose({.prompt_tokens = 1000}, pool.view(), rng);
}

}  // namespace

TEST_CASE("smg: in balance, the endpoint that holds most of the prompt, if that is more than 30 %") {
  PoolFixture pool = PoolFixture::equal(3);
  pool.in_flight({5, 60, 0});
  pool.cached({301, 302, 0});
  CHECK(choice(pool) == 1);
  pool.cached({299, 300, 0});
  CHECK(choice(pool) == 2);
}

TEST_CASE("smg: of two that hold equally much the less loaded") {
  PoolFixture pool = PoolFixture::equal(3);
  pool.in_flight({5, 4, 0});
  pool.cached({900, 900, 0});
  CHECK(choice(pool) == 1);
}

TEST_CASE("smg: out of balance only when more than 64 apart and more than half as many again") {
  PoolFixture pool = PoolFixture::equal(2);
  pool.cached({1000, 0});
  pool.in_flight({65, 0});
  CHECK(choice(pool) == 1);
  pool.in_flight({64, 0});
  CHECK(choice(pool) == 0);
  pool.in_flight({215, 150});  // 65 apart, but not half as many again
  CHECK(choice(pool) == 0);
  pool.in_flight({226, 150});
  CHECK(choice(pool) == 1);
}

TEST_CASE("smg: load counts per weight") {
  PoolFixture pool({1, 4});
  pool.in_flight({1, 4});
  CHECK(choice(pool) == 1);  // 5/4 against 2
  CHECK(*SmgCacheAware().cost({}, pool.view(), 1) == doctest::Approx(1.25));
}

TEST_CASE("smg: holds what every policy promises") { check_policy_properties(PolicyKind::SmgCacheAware); }
