#include "evener/route/policies/vtc.h"

#include <doctest/doctest.h>

#include "evener/route/testing/policy_properties.h"

using namespace evener;
using namespace evener::route;
using namespace std::chrono_literals;

namespace {

std::uint32_t choice(Vtc& policy, const PoolFixture& pool, std::uint64_t tenant, std::uint32_t tokens = 1000) {
  Rng rng(1);
  return policy.choose({.tenant = tenant, .prompt_tokens = tokens}, pool.view(), rng);
}

}  // namespace

TEST_CASE("vtc: a tenant moves on down the list with the tokens that it takes, and another begins at the first") {
  Vtc policy;
  PoolFixture pool = PoolFixture::equal(4);
  for (std::uint32_t turn = 0; turn < 6; ++turn) CHECK(choice(policy, pool, 1) == std::min(turn, 3U));
  CHECK(choice(policy, pool, 2) == 0);
}

TEST_CASE("vtc: an expected answer counts twice") {
  Vtc policy;
  PoolFixture pool = PoolFixture::equal(4);
  Rng rng(1);
  CHECK(policy.choose({.tenant = 1, .output_tokens = 1000}, pool.view(), rng) == 0);
  CHECK(*policy.cost({.tenant = 1}, pool.view(), 2) == 0);
}

TEST_CASE("vtc: what a tenant took is forgotten after two windows") {
  Vtc policy;
  PoolFixture pool = PoolFixture::equal(4);
  CHECK(choice(policy, pool, 1, 3000) == 0);
  CHECK(choice(policy, pool, 1, 0) == 3);
  pool.now += Vtc::Window;
  CHECK(choice(policy, pool, 1, 0) == 1);  // the bucket is 3,000 now
  pool.now += Vtc::Window;
  CHECK(choice(policy, pool, 1, 0) == 0);
}

TEST_CASE("vtc: an endpoint with a hundred requests in flight is as far as the next one") {
  Vtc policy;
  PoolFixture pool = PoolFixture::equal(2);
  pool.in_flight({80, 0});
  CHECK(*policy.cost({.tenant = 1}, pool.view(), 0) == doctest::Approx(0.8));
  CHECK(*policy.cost({.tenant = 1}, pool.view(), 1) == doctest::Approx(1));
  pool.in_flight({500, 0});
  CHECK(*policy.cost({.tenant = 1}, pool.view(), 0) == doctest::Approx(1));
}

TEST_CASE("vtc: counts no more tenants than its limit, and the others are as new") {
  Vtc policy;
  PoolFixture pool = PoolFixture::equal(4);
  for (std::uint64_t tenant = 1; tenant <= Vtc::TenantsMax + 1; ++tenant) (void)choice(policy, pool, tenant, 1000);
  CHECK(*policy.cost({.tenant = Vtc::TenantsMax}, pool.view(), 1) == 0);
  CHECK(*policy.cost({.tenant = Vtc::TenantsMax + 1}, pool.view(), 0) == 0);
}

TEST_CASE("vtc: holds what every policy promises") { check_policy_properties(PolicyKind::Vtc); }
