#include "evener/route/policy.h"

#include <doctest/doctest.h>

#include "evener/route/per_endpoint.h"
#include "evener/route/testing/pool_fixture.h"

using namespace evener;
using namespace evener::route;

TEST_CASE("every accepted name makes the policy of that name") {
  REQUIRE(policy_names().size() == 20);
  for (std::string_view name : policy_names()) {
    const auto kind = policy_kind(name);
    REQUIRE(kind.has_value());
    CHECK(policy_name(*kind) == name);
    CHECK(make_policy(*kind)->name() == name);
  }
}

TEST_CASE("a name that is no policy is refused") {
  CHECK_FALSE(policy_kind("least_request").has_value());
  CHECK_FALSE(policy_kind("").has_value());
}

TEST_CASE("what is kept per endpoint stays with it while others come and go") {
  PoolFixture pool = PoolFixture::equal(3);
  PerEndpoint<int> values;
  values.follow(pool.endpoints, 7);
  CHECK(values[2] == 7);
  values[1] = 20;
  values[2] = 30;
  pool.remove(0);
  pool.add(1.0);
  values.follow(pool.endpoints, 9);
  REQUIRE(values.size() == 3);
  CHECK(values[0] == 20);
  CHECK(values[1] == 30);
  CHECK(values[2] == 9);
}
