#include "evener/route/policies/balanced.h"

#include <doctest/doctest.h>

#include "evener/route/testing/policy_properties.h"

using namespace evener;
using namespace evener::route;
using namespace std::chrono_literals;

namespace {

constexpr SpeedView Known{.base_s = 0.05, .prefill_s_per_token = 1e-4, .step_s = 0.02, .step_s_per_request = 5e-4};
constexpr RequestView Request{.prompt_tokens = 1000, .output_tokens = 200};

PoolFixture known_pool(std::size_t endpoints) {
  PoolFixture pool = PoolFixture::equal(endpoints);
  for (EndpointView& endpoint : pool.endpoints) endpoint.speed = Known;
  pool.speed = Known;
  return pool;
}

double waiting(const PoolFixture& pool, std::uint32_t index = 0, const RequestView& request = Request) {
  return added_waiting_s(request, pool.view(), index);
}

std::uint32_t choice(const PoolFixture& pool, const RequestView& request = Request) {
  Rng rng(1);
  return Balanced().choose(request, pool.view(), rng);
}

}  // namespace

TEST_CASE("balanced: seconds before the first token and for prompts ahead count one for one, those on the way twice") {
  PoolFixture pool = known_pool(1);
  const double idle = waiting(pool);
  pool.endpoints[0].network_s = 0.3;
  CHECK(waiting(pool) - idle == doctest::Approx(0.6));
  pool.endpoints[0].in_flight_uncached_tokens = 5000;
  CHECK(waiting(pool) - idle == doctest::Approx(0.6 + 0.5));
}

TEST_CASE("balanced: on an idle endpoint a cached token saves the time to compute it") {
  PoolFixture pool = known_pool(1);
  const double cold = waiting(pool);
  pool.cached({600});
  CHECK(cold - waiting(pool) == doctest::Approx(600 * 1e-4));
}

TEST_CASE("balanced: a cached token saves more where more requests would be held up") {
  PoolFixture pool = known_pool(1);
  const auto saved = [&](std::uint32_t in_flight) {
    pool.in_flight({in_flight});
    pool.cached({});
    const double cold = waiting(pool);
    pool.cached({600});
    return cold - waiting(pool);
  };
  CHECK(saved(20) > 1.5 * saved(0));
}

TEST_CASE("balanced: the holder of a prefix is chosen while waiting for it costs less than computing, and not beyond") {
  PoolFixture pool = known_pool(2);
  const RequestView request{.prompt_tokens = 10'000, .output_tokens = 200};
  pool.cached({9000, 0});
  pool.endpoints[0].in_flight_uncached_tokens = 8000;
  CHECK(choice(pool, request) == 0);
  pool.endpoints[0].in_flight_uncached_tokens = 10'000;
  CHECK(choice(pool, request) == 1);
}

TEST_CASE("balanced: where computed tokens are often found again, a second copy of a prefix is worth waiting to avoid") {
  PoolFixture pool = known_pool(2);
  pool.cached({900, 0});
  pool.endpoints[0].in_flight_uncached_tokens = 1000;
  pool.reuse = 1;
  CHECK(choice(pool) == 0);
}

TEST_CASE("balanced: requests that decode count, too, so that they do not pile up where prompts are short") {
  PoolFixture pool = known_pool(2);
  pool.in_flight({30, 2});
  CHECK(choice(pool) == 1);
}

TEST_CASE("balanced: a strong endpoint gets the heavy request even with some load, and enough load sends it elsewhere") {
  PoolFixture pool = known_pool(2);
  pool.endpoints[1].speed = {.base_s = 0.2, .prefill_s_per_token = 8e-4, .step_s = 0.08, .step_s_per_request = 4e-3};
  const RequestView heavy{.prompt_tokens = 8000, .output_tokens = 200};
  pool.endpoints[0].in_flight_uncached_tokens = 20'000;
  CHECK(choice(pool, heavy) == 0);
  pool.endpoints[0].in_flight_uncached_tokens = 200'000;
  CHECK(choice(pool, heavy) == 1);
}

TEST_CASE("balanced: before any speed is known a request in flight counts like 150 tokens of prompt") {
  PoolFixture pool = PoolFixture::equal(2);
  pool.in_flight({10, 0});
  pool.endpoints[1].in_flight_uncached_tokens = 1500;
  CHECK(waiting(pool, 0, {}) == doctest::Approx(waiting(pool, 1, {})));
}

TEST_CASE("balanced: before any speed is known strength is what the weight says") {
  PoolFixture pool({1, 4});
  pool.endpoints[0].in_flight_uncached_tokens = 1000;
  pool.endpoints[1].in_flight_uncached_tokens = 3000;
  CHECK(choice(pool) == 1);
}

TEST_CASE("balanced: what others sent to an endpoint counts while its report is fresh, and no longer when it is old") {
  PoolFixture pool = known_pool(2);
  pool.now = Instant{} + 1000s;
  for (EndpointView& endpoint : pool.endpoints) endpoint.speed.at = pool.now;
  pool.endpoints[0].report = LoadReport{.at = pool.now};
  pool.endpoints[0].foreign_requests = 10;
  pool.endpoints[0].foreign_uncached_tokens = 5000;
  pool.endpoints[1].in_flight_uncached_tokens = 1000;
  CHECK(choice(pool) == 1);
  pool.now += 60s;
  CHECK(choice(pool) == 0);
}

TEST_CASE("balanced: an endpoint in slow start is taken for as much slower") {
  PoolFixture pool = known_pool(1);
  const double full = waiting(pool);
  pool.set_weight(0, 0.25);
  CHECK(waiting(pool) == doctest::Approx(4 * full));
}

TEST_CASE("balanced: equals are taken alike") {
  const PoolFixture pool = known_pool(4);
  Balanced policy;
  Rng rng(1);
  for (const int times : pool.counts(policy, 4000, rng, Request)) CHECK(times == doctest::Approx(1000).epsilon(0.1));
}

TEST_CASE("balanced: what was learned of equal endpoints differs by chance, and does not make one of them everybody's choice") {
  PoolFixture pool = known_pool(4);
  for (EndpointView& endpoint : pool.endpoints) {
    const double chance = 1 + 0.005 * static_cast<double>(endpoint.id);
    endpoint.speed.base_s *= chance;
    endpoint.speed.step_s *= chance;
  }
  Balanced policy;
  Rng rng(1);
  for (const int times : pool.counts(policy, 4000, rng, Request)) CHECK(times == doctest::Approx(1000).epsilon(0.1));
}

TEST_CASE("balanced: among endpoints that are about equal the fewest requests in flight per weight decide, and before that the nearest") {
  PoolFixture pool({1, 4});
  pool.speed = {.base_s = 0.05, .prefill_s_per_token = 1e-4, .step_s = 0.02};  // one in flight more or less makes no difference
  for (EndpointView& endpoint : pool.endpoints) endpoint.speed = pool.speed;
  const RequestView request{.prompt_tokens = 100, .output_tokens = 200};
  pool.in_flight({1, 3});
  CHECK(choice(pool, request) == 1);
  pool.in_flight({1, 5});
  CHECK(choice(pool, request) == 0);
  pool.endpoints[0].network_s = 0.001;
  CHECK(choice(pool, request) == 1);
}

TEST_CASE("balanced: where requests wait for memory, the more run the sooner one ends, so it is the share that waits that counts") {
  PoolFixture pool = known_pool(1);
  const auto wait = [&](std::uint32_t in_flight, std::uint32_t in_prefill) {
    pool.in_flight({in_flight});
    pool.endpoints[0].in_prefill = in_prefill;
    return waiting(pool);
  };
  const double few = wait(60, 20), many = wait(120, 20);
  CHECK(many - wait(100, 0) < few - wait(40, 0));
  // One that waits where hardly anything runs waits for a prompt, not for another's last token.
  CHECK(wait(2, 1) - wait(1, 0) < 0.25 * 200 * 0.02);
}

TEST_CASE("balanced: more of anything that makes one wait never lowers the cost") {
  // One more that runs does lower it where others wait for memory, since it gives its place to one of them when it ends. So here either nobody
  // waits, or it is one more that waits.
  for_each_seed(300, [](Rng& rng) {
    PoolFixture pool = PoolFixture::equal(1);
    pool.now = Instant{} + 1000s;
    EndpointView& endpoint = pool.endpoints[0];
    tell_something(endpoint, pool.now, rng);
    const bool one_waits = rng.below(2) == 0;
    if (!one_waits) {
      endpoint.in_prefill = 0;
      endpoint.waiting_correction = 0;
    }
    pool.speed = rng.below(2) == 0 ? SpeedView{} : Known;
    const RequestView request = random_request(pool, rng);
    const double before = waiting(pool, 0, request);
    switch (rng.below(4)) {
      case 0:
        ++endpoint.in_flight;
        if (one_waits) ++endpoint.in_prefill;
        break;
      case 1: endpoint.in_flight_uncached_tokens += 100; break;
      case 2: endpoint.network_s += 0.01; break;
      default:
        if (!one_waits) endpoint.foreign_requests += 1;
        if (one_waits) endpoint.waiting_correction += 1;
        break;
    }
    CHECK(waiting(pool, 0, request) >= before);
  });
}

TEST_CASE(
    "balanced: of different tiers a light request takes the weaker, a heavy one the strong, and a light one the strong when the weaker is "
    "busy") {
  PoolFixture pool = known_pool(2);
  pool.endpoints[1].speed = {.base_s = 0.2, .prefill_s_per_token = 8e-4, .step_s = 0.08, .step_s_per_request = 4e-3};
  const RequestView light{.prompt_tokens = 200, .output_tokens = 100}, heavy{.prompt_tokens = 8000, .output_tokens = 100};
  CHECK(choice(pool, light) == 0);  // of one tier: the sooner
  pool.endpoints[0].tier = 10;
  CHECK(choice(pool, light) == 1);
  CHECK(choice(pool, heavy) == 0);
  pool.endpoints[1].in_flight_uncached_tokens = 20'000;
  CHECK(choice(pool, light) == 0);
}

TEST_CASE(
    "balanced: no tier sends a request where it is predicted to miss its objectives, and urgent ones want more strength than light ones") {
  PoolFixture pool = known_pool(2);
  pool.endpoints[1].speed = {.base_s = 0.2, .prefill_s_per_token = 8e-4, .step_s = 0.08, .step_s_per_request = 4e-3};
  pool.endpoints[0].tier = 10;
  RequestView light{.prompt_tokens = 200, .output_tokens = 100, .first_token_objective = 400ms};
  CHECK(choice(pool, light) == 1);
  light.first_token_objective = 300ms;
  CHECK(choice(pool, light) == 0);
  light.first_token_objective = 0ms;
  light.token_objective = 50ms;
  CHECK(choice(pool, light) == 0);
  light.token_objective = 0ms;
  light.priority = Priority::Realtime;
  CHECK(choice(pool, light) == 0);
}

TEST_CASE("balanced: holds what every policy promises") { check_policy_properties(PolicyKind::Balanced); }
