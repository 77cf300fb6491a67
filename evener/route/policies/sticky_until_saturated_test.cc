#include "evener/route/policies/sticky_until_saturated.h"

#include <doctest/doctest.h>

#include "evener/route/testing/policy_properties.h"

using namespace evener;
using namespace evener::route;

namespace {

std::uint32_t choice(const PoolFixture& pool, const RequestView& request) {
  Rng rng(1);
  return StickyUntilSaturated().choose(request, pool.view(), rng);
}

}  // namespace

TEST_CASE("sticky: a holder of 80 % of the blocks is preferred to an idle endpoint") {
  PoolFixture pool = PoolFixture::equal(3);
  pool.endpoints[1].in_flight_uncached_tokens = 200'000;
  pool.cached({799, 800, 0});
  CHECK(choice(pool, {.prompt_tokens = 1000}) == 1);
}

TEST_CASE("sticky: among holders the fewest uncached tokens win, the request's own included") {
  PoolFixture pool = PoolFixture::equal(3);
  pool.endpoints[0].in_flight_uncached_tokens = 300;  // and 100 of its own
  pool.endpoints[1].in_flight_uncached_tokens = 250;  // and 200
  pool.cached({900, 800, 0});
  CHECK(choice(pool, {.prompt_tokens = 1000}) == 0);
}

TEST_CASE("sticky: when the best holder is 286,720 tokens behind the best other, all are compared") {
  PoolFixture pool = PoolFixture::equal(3);
  pool.endpoints[2].in_flight_uncached_tokens = 1000;
  pool.endpoints[1].in_flight_uncached_tokens = 2000;
  pool.cached({1000, 0, 0});
  pool.endpoints[0].in_flight_uncached_tokens = 1000 + 286'720;
  CHECK(choice(pool, {.prompt_tokens = 1000}) == 0);
  pool.endpoints[0].in_flight_uncached_tokens = 1000 + 286'721;
  CHECK(choice(pool, {.prompt_tokens = 1000}) == 2);
}

TEST_CASE("sticky: without a holder the fewest uncached tokens per weight win, then the fewest requests") {
  PoolFixture pool({1, 4, 4});
  pool.endpoints[0].in_flight_uncached_tokens = 100;
  pool.endpoints[1].in_flight_uncached_tokens = 200;
  pool.endpoints[2].in_flight_uncached_tokens = 200;
  pool.in_flight({0, 5, 4});
  CHECK(choice(pool, {.prompt_tokens = 1000}) == 2);  // (200 + 1000) / 4 and a trifle less
}

TEST_CASE("sticky: its cost is tokens, with a thousandth per request in flight") {
  PoolFixture pool = PoolFixture::equal(1);
  pool.endpoints[0].in_flight_uncached_tokens = 5000;
  pool.in_flight({9});
  pool.cached({400});
  CHECK(*StickyUntilSaturated().cost({.prompt_tokens = 1000}, pool.view(), 0) == doctest::Approx(5600.01));
}

TEST_CASE("sticky: holds what every policy promises") { check_policy_properties(PolicyKind::StickyUntilSaturated); }
