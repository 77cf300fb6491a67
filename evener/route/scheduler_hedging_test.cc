#include <doctest/doctest.h>

#include <array>
#include <optional>
#include <variant>

#include "evener/route/scheduler.h"
#include "tests/for_each_seed.h"

using namespace evener;
using namespace evener::route;
using namespace std::chrono_literals;

namespace {

constexpr Instant Start = Instant{} + 1000s;

RequestView stream_of(std::uint32_t prompt_tokens) { return {.stream = true, .prompt_tokens = prompt_tokens, .output_tokens = 50}; }

struct HedgingPool {
  explicit HedgingPool(HedgingSettings hedging = {}, std::uint32_t endpoints = 3) {
    hedging.enabled = true;
    PoolSettings settings{.policy = PolicyKind::RoundRobin};
    settings.hedging = hedging;
    scheduler.configure(settings, now);
    for (std::uint32_t id = 1; id <= endpoints; ++id) scheduler.put_endpoint(EndpointId{id}, {.zone = static_cast<std::uint16_t>(id)}, now);
  }

  Dispatch arrive(const RequestView& request = stream_of(100)) {
    return std::get<Dispatch>(scheduler.arrived({.request = request, .cookie = 1}, now));
  }
  Decision hedge(EndpointId first, const RequestView& request = stream_of(100)) {
    const std::array tried = {first};
    return scheduler.retry(request, tried, now, Scheduler::Attempt::Hedge);
  }
  void answer(Dispatch dispatch, Duration after, Scheduler::Attempt attempt = Scheduler::Attempt::First) {
    now += after;
    scheduler.first_token(dispatch.endpoint, dispatch.share, after, now);
    scheduler.finished(dispatch.endpoint, {.first_token = after, .total = after, .share = dispatch.share}, attempt, now);
  }
  void learn(int answers, Duration each) {
    for (int i = 0; i < answers; ++i) answer(arrive(), each);
  }

  Instant now = Start;
  Scheduler scheduler{{}, 7};
};

}  // namespace

TEST_CASE("a streamed request learns with its dispatch when it is late, once the pool's first tokens are known") {
  HedgingPool pool;
  CHECK(pool.arrive().hedge_after == Duration::zero());
  pool.learn(100, 200ms);
  CHECK(pool.arrive().hedge_after >= 200ms);
  CHECK(pool.arrive().hedge_after <= 220ms);
  RequestView whole = stream_of(100);
  whole.stream = false;
  CHECK(pool.arrive(whole).hedge_after == Duration::zero());
}

TEST_CASE("with one endpoint, or without hedging, nothing is hedged") {
  HedgingPool alone({}, 1);
  alone.learn(100, 200ms);
  CHECK(alone.arrive().hedge_after == Duration::zero());
  HedgingPool off;
  off.learn(100, 200ms);
  off.scheduler.configure({}, off.now);
  CHECK(off.arrive().hedge_after == Duration::zero());
  CHECK(std::holds_alternative<Refusal>(off.hedge(EndpointId{1})));
}

TEST_CASE("a hedge goes to another endpoint, within the request's zones, and to nobody when there is none") {
  HedgingPool pool;
  pool.learn(100, 200ms);
  for (int i = 0; i < 3; ++i) {
    const Dispatch first = pool.arrive();
    const Decision second = pool.hedge(first.endpoint);
    REQUIRE(std::holds_alternative<Dispatch>(second));
    CHECK(std::get<Dispatch>(second).endpoint != first.endpoint);
  }
  RequestView bound = stream_of(100);
  bound.zones = (1U << 1) | (1U << 2);
  CHECK(std::get<Dispatch>(pool.hedge(EndpointId{1}, bound)).endpoint == EndpointId{2});
  bound.zones = 1U << 1;
  CHECK(std::holds_alternative<Refusal>(pool.hedge(EndpointId{1}, bound)));
}

TEST_CASE("a hedge takes no place that others wait for") {
  HedgingPool pool;
  pool.learn(100, 200ms);
  for (std::uint32_t id = 1; id <= 3; ++id) pool.scheduler.put_endpoint(EndpointId{id}, {.capacity = 1}, pool.now);
  const Dispatch first = pool.arrive();
  (void)pool.arrive();
  CHECK(std::holds_alternative<Dispatch>(pool.hedge(first.endpoint)));
  CHECK(std::holds_alternative<Refusal>(pool.hedge(first.endpoint)));  // all are full
  CHECK(std::holds_alternative<Queued>(pool.scheduler.arrived({.request = stream_of(100), .cookie = 1}, pool.now)));
}

TEST_CASE("a loser ends as cancelled: its endpoint is not blamed, and only its prompt is charged to the budget") {
  HedgingPool pool({.budget_share = 0.01});
  pool.learn(90, 200ms);  // with the next one 91 requests of 150 tokens: 136.5 tokens of budget
  const Dispatch first = pool.arrive();
  const Dispatch second = std::get<Dispatch>(pool.hedge(first.endpoint));
  CHECK(second.share.charge == 150);
  CHECK(std::holds_alternative<Refusal>(pool.hedge(first.endpoint)));
  pool.scheduler.finished(second.endpoint, {.ending = Ending::Cancelled, .total = 100ms, .share = second.share}, Scheduler::Attempt::Hedge,
                          pool.now);
  CHECK(std::holds_alternative<Dispatch>(pool.hedge(first.endpoint)));
  for (const EndpointStatus& endpoint : pool.scheduler.status(pool.now)) CHECK(endpoint.failures_total == 0);
}

TEST_CASE("whatever happens, what is in flight ends at nothing and hedges stay within their budget") {
  for_each_seed(100, [](Rng& rng) {
    const double share = 0.02 + rng.uniform() * 0.2;
    HedgingPool pool({.budget_share = share});
    pool.learn(30, 100ms);
    double sent = 30 * 150, twice = 0, largest = 0;
    for (int i = 0; i < 300; ++i) {
      const RequestView request = stream_of(1 + static_cast<std::uint32_t>(rng.below(4000)));
      Dispatch first = pool.arrive(request);
      sent += first.share.charge;
      std::optional<Dispatch> second;
      if (rng.below(3) == 0) {
        const Decision decision = pool.hedge(first.endpoint, request);
        if (const auto* dispatch = std::get_if<Dispatch>(&decision)) {
          second = *dispatch;
          REQUIRE(second->endpoint != first.endpoint);
          twice += second->share.uncached_tokens;
          largest = std::max<double>(largest, second->share.charge);
        }
      }
      const Outcome lost{.ending = Ending::Cancelled, .total = 300ms};
      const bool second_wins = second && rng.below(2) == 0;
      if (second) {
        const Dispatch& loser = second_wins ? first : *second;
        Outcome outcome = lost;
        outcome.share = loser.share;
        pool.scheduler.finished(loser.endpoint, outcome, second_wins ? Scheduler::Attempt::First : Scheduler::Attempt::Hedge, pool.now);
      }
      pool.answer(second_wins ? *second : first, 50ms, second_wins ? Scheduler::Attempt::Hedge : Scheduler::Attempt::First);
      REQUIRE(twice <= share * sent + largest);
    }
    CHECK(pool.scheduler.in_flight() == 0);
  });
}
