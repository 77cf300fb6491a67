// External endpoints: when they are used, when not, and what they are paid.

#include <doctest/doctest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "evener/route/scheduler.h"

using namespace evener;
using namespace evener::route;
using namespace std::chrono_literals;

namespace {

constexpr EndpointId Own{1}, Api{2};
const Instant T0 = Instant() + 100h;
constexpr std::uint16_t OwnZone = 1, ApiZone = 2;

/// 1,000 tokens in and at most 500 out: at 1 and 2 per million at most 2,333,334 billionths by estimate, 1,400,000 when it takes 200.
constexpr RequestView Question{.prompt_tokens = 1000, .output_tokens = 200, .output_tokens_most = 500};
constexpr TokenUsage Taken{.prompt_tokens = 1000, .output_tokens = 200, .cached_tokens = {}};
constexpr NanoMoney Bound = 2'333'334, Price = 1'400'000;

EndpointSettings own(std::uint32_t capacity) { return {.capacity = capacity, .models = {}, .zone = OwnZone}; }
EndpointSettings api(const ExternalSettings& external) {
  EndpointSettings settings{.models = {}, .input_price = 1, .output_price = 2, .zone = ApiZone, .external = external};
  settings.external.enabled = true;
  return settings;
}

struct World {
  Scheduler scheduler;
  Instant now = T0;

  explicit World(const EndpointSettings& external, std::uint32_t own_capacity = 1, PoolSettings settings = {.policy = PolicyKind::Balanced})
      : scheduler(std::move(settings), 1) {
    if (own_capacity > 0) scheduler.put_endpoint(Own, own(own_capacity), T0);
    scheduler.put_endpoint(Api, external, T0);
  }
  Decision arrived(const RequestView& request = Question, std::uint64_t cookie = 1) {
    return scheduler.arrived({.request = request, .cookie = cookie}, now);
  }
  Dispatch sent(const RequestView& request = Question) {
    const Decision decision = arrived(request);
    REQUIRE(std::holds_alternative<Dispatch>(decision));
    return std::get<Dispatch>(decision);
  }
  void ended(const Dispatch& dispatch, Outcome outcome = {.usage = Taken}) {
    outcome.share = dispatch.share;
    scheduler.finished(dispatch.endpoint, outcome, Scheduler::Attempt::First, now);
  }
  std::vector<Released> released() {
    std::vector<Released> out;
    scheduler.release(out, now);
    return out;
  }
  std::string why_not(EndpointId id, const RequestView& request = Question) {
    for (const EndpointExplanation& one : scheduler.explain(request, now).endpoints) {
      if (one.id == id) return std::string(one.candidate() ? "candidate" : left_out_name(one.left_out));
    }
    return "unknown";
  }
  SpendStatus spend() {
    for (const EndpointStatus& one : scheduler.status(now)) {
      if (one.id == Api) return one.external.value().spend;
    }
    return {};
  }
};

RateAllowance remains(double requests, Duration reset) {
  RateAllowance told;
  told.of(RateOf::Requests) = {.limit = 100, .remaining = requests, .reset = reset, .window = {}};
  return told;
}

std::string_view refusal_of(const Decision& decision) {
  const auto* refusal = std::get_if<Refusal>(&decision);
  return refusal == nullptr ? "none" : refusal_name(refusal->reason);
}

}  // namespace

TEST_CASE("an external endpoint gets only what the pool's own cannot take, whatever the policy") {
  for (int i = 0; i < static_cast<int>(policy_names().size()); ++i) {
    const auto kind = policy_kind(policy_names()[static_cast<std::size_t>(i)]);
    REQUIRE(kind);
    CAPTURE(policy_name(*kind));
    World world(api({}), 2, {.policy = *kind, .composition = {.filters = {}, .scorers = {{.kind = ScorerKind::Price}}}});
    CHECK(world.why_not(Api) == "spill_over");
    const Dispatch first = world.sent();
    CHECK(first.endpoint == Own);
    CHECK(world.sent().endpoint == Own);
    CHECK(world.why_not(Own) == "capacity");
    const Dispatch spilled = world.sent();
    CHECK(spilled.endpoint == Api);
    CHECK(pick_reason_name(spilled.reason) == "spill_over");
    world.ended(first);
    CHECK(world.sent().endpoint == Own);
  }
}

TEST_CASE("an own endpoint that is down or draining spills over, too") {
  World world(api({}), 5);
  world.scheduler.set_drain(Own, Scheduler::Drain::Yes, T0);
  CHECK(world.sent().endpoint == Api);
  CHECK(world.why_not(Own) == "draining");
  world.scheduler.set_drain(Own, Scheduler::Drain::No, T0);
  CHECK(world.sent().endpoint == Own);
}

TEST_CASE("own endpoints that are down cause no panic while an external one is up") {
  World world(api({}), 5);
  for (int i = 0; i < 3; ++i) world.scheduler.checked(Own, Scheduler::Check::Failed, T0);
  CHECK_FALSE(world.scheduler.in_panic());
  CHECK(world.sent().endpoint == Api);
  CHECK(world.why_not(Own) == "down");
  for (int i = 0; i < 3; ++i) world.scheduler.checked(Api, Scheduler::Check::Failed, T0);
  CHECK(world.scheduler.in_panic());
  CHECK(world.sent().endpoint == Own);
}

TEST_CASE("without spill_over it is an endpoint like the others") {
  World world(api({.spill_over = false}), 0, {.policy = PolicyKind::RoundRobin});
  world.scheduler.put_endpoint(Own, own(0), T0);
  CHECK(world.sent().endpoint != world.sent().endpoint);
}

TEST_CASE("a failover goes to the external endpoint when every own one was tried") {
  World world(api({}), 5);
  const Dispatch first = world.sent();
  world.ended(first, {.ending = Ending::ConnectFailed});
  const std::vector<EndpointId> tried = {Own};
  const Decision next = world.scheduler.retry(Question, tried, T0, Scheduler::Attempt::Failover, 1);
  REQUIRE(std::holds_alternative<Dispatch>(next));
  CHECK(std::get<Dispatch>(next).endpoint == Api);
}

TEST_CASE("a request whose data may not go there waits for the pool's own, however long") {
  World world(api({}));
  RequestView bound = Question;
  bound.zones = 1U << OwnZone;
  CHECK(world.sent(bound).endpoint == Own);
  CHECK(std::holds_alternative<Queued>(world.arrived(bound)));
  CHECK(world.why_not(Api, bound) == "zone");
  CHECK(world.sent().endpoint == Api);
}

TEST_CASE("a request spills over when all own endpoints are predicted to be late, if that is asked for") {
  World world(api({.spill_over_when_late = true}), 100);
  for (int i = 0; i < 20; ++i) {  // the own one takes a millisecond per prompt token
    RequestView request = Question;
    request.prompt_tokens = 100 + 100 * static_cast<std::uint32_t>(i % 5);
    request.stream = true;
    Dispatch dispatch = world.sent(request);
    REQUIRE(dispatch.endpoint == Own);
    world.now += 1s;
    world.scheduler.first_token(Own, dispatch.share, std::chrono::milliseconds(request.prompt_tokens), world.now);
    world.ended(dispatch, {.first_token = std::chrono::milliseconds(request.prompt_tokens), .total = 1s});
  }
  RequestView urgent = Question;
  urgent.first_token_objective = 5s;
  CHECK(world.why_not(Api, urgent) == "spill_over");
  urgent.first_token_objective = 100ms;
  CHECK(world.why_not(Api, urgent) == "candidate");
  CHECK(world.why_not(Own, urgent) == "candidate");
  world.scheduler.put_endpoint(Api, api({}), world.now);
  CHECK(world.why_not(Api, urgent) == "spill_over");
}

TEST_CASE("a rate limit that an answer tells holds at once, and what waits goes when it allows") {
  World world(api({}), 0);
  const Dispatch first = world.sent();
  world.scheduler.allowance_told(Api, first.share, remains(2, 10s), T0);
  (void)world.sent();
  (void)world.sent();
  CHECK(world.why_not(Api) == "rate_limit");
  REQUIRE(std::holds_alternative<Queued>(world.arrived(Question, 9)));
  world.now = T0 + 9s;
  world.scheduler.tick(world.now);
  CHECK(world.released().empty());
  world.now = T0 + 10s;
  world.scheduler.tick(world.now);
  const auto released = world.released();
  REQUIRE(released.size() == 1);
  CHECK(std::holds_alternative<Dispatch>(released[0].decision));
}

TEST_CASE("who waits for less of a rate limit goes as soon as the client of one ahead that waits for more has left") {
  World world(api({.rates = {.tokens_per_minute = 6000}}), 0, {.policy = PolicyKind::Balanced, .queue = {.wait_max = 55s}});
  (void)world.sent({.prompt_tokens = 6000});
  const Decision large = world.arrived({.prompt_tokens = 5000}, 7);
  REQUIRE(std::holds_alternative<Queued>(large));
  REQUIRE(std::holds_alternative<Queued>(world.arrived({.prompt_tokens = 100}, 8)));
  world.now = T0 + 3s;
  world.scheduler.tick(world.now);
  CHECK(world.released().empty());
  REQUIRE(world.scheduler.abandoned(std::get<Queued>(large).ticket, world.now));
  const auto released = world.released();
  REQUIRE(released.size() == 1);
  CHECK(released[0].cookie == 8);
}

TEST_CASE("what would wait for a rate limit longer than it may is refused at once, with the true time") {
  World world(api({}), 0, {.policy = PolicyKind::Balanced, .queue = {.wait_max = 30s}});
  const Dispatch first = world.sent();
  world.scheduler.allowance_told(Api, first.share, remains(0, 10min), T0);
  const Decision decision = world.arrived();
  CHECK(refusal_of(decision) == "rate_limited");
  CHECK(std::get<Refusal>(decision).retry_after == 10min);
  const std::vector<EndpointId> tried = {};
  CHECK(refusal_of(world.scheduler.retry(Question, tried, T0)) == "rate_limited");
}

TEST_CASE("a rate limit of somebody else's is no reason to refuse what can wait for one's own") {
  World world(api({}), 1);
  (void)world.sent();
  const Dispatch spilled = world.sent();
  REQUIRE(spilled.endpoint == Api);
  world.scheduler.allowance_told(Api, spilled.share, remains(0, 10min), T0);
  CHECK(std::holds_alternative<Queued>(world.arrived()));
}

TEST_CASE("the operator's own rate limits hold from the beginning") {
  World world(api({.rates = {.requests_per_minute = 2}}), 0);
  (void)world.sent();
  (void)world.sent();
  CHECK(world.why_not(Api) == "rate_limit");
  World tokens(api({.rates = {.tokens_per_minute = 2500}}), 0);
  (void)tokens.sent();
  (void)tokens.sent();
  CHECK(tokens.why_not(Api) == "rate_limit");
}

TEST_CASE("money is reserved by the bound, and settled by what was used") {
  World world(api({}), 0);
  const Dispatch first = world.sent();
  CHECK(world.spend().reserved == Bound);
  CHECK(world.spend().spent == 0);
  world.ended(first);
  CHECK(world.spend().reserved == 0);
  CHECK(world.spend().spent == Price);
  CHECK(world.scheduler.spend(T0).spent == Price);
}

TEST_CASE("a spend limit is never passed, and comes back with its period") {
  World world(api({.spend = {.limit = 2 * Bound + Price, .per = 1h, .aligned = true, .phase = T0}}), 0,
              {.policy = PolicyKind::Balanced, .queue = {.wait_max = 30s}});
  const Dispatch first = world.sent(), second = world.sent();
  CHECK(world.why_not(Api) == "spend");  // two bounds are reserved, and a third has no room until one of them turns out too large
  CHECK(std::holds_alternative<Queued>(world.arrived()));
  world.ended(first);
  const std::vector<Released> third = world.released();
  REQUIRE(third.size() == 1);
  world.ended(second);
  CHECK(world.spend().spent + world.spend().reserved <= world.spend().settings.limit);
  world.ended(std::get<Dispatch>(third.front().decision));
  const Decision refused = world.arrived();
  CHECK(refusal_of(refused) == "spend_limit");
  world.now = T0 + 1h;
  world.scheduler.tick(world.now);
  CHECK(world.sent().endpoint == Api);
}

TEST_CASE("a limit of the pool binds all its external endpoints together") {
  World world(api({}), 0, {.policy = PolicyKind::RoundRobin, .spend = {.limit = 2 * Bound}});
  world.scheduler.put_endpoint(Own, api({}), T0);
  (void)world.sent();
  (void)world.sent();
  CHECK(world.why_not(Api) == "spend");
  CHECK(world.why_not(Own) == "spend");
  CHECK(world.scheduler.spend(T0).reserved == 2 * Bound);
}

TEST_CASE("what nobody is paid for costs nothing: no connection, a refusal, a server's or a request's fault") {
  World world(api({}), 0);
  world.ended(world.sent(), {.ending = Ending::ConnectFailed});
  world.ended(world.sent(), {.ending = Ending::Refused});
  world.ended(world.sent(), {.ending = Ending::ServerError});
  world.ended(world.sent(), {.ending = Ending::Ok, .request_at_fault = true});
  CHECK(world.spend().spent == 0);
  CHECK(world.spend().reserved == 0);
}

TEST_CASE("who leaves early pays for the prompt, and for the answer as far as it had begun") {
  World world(api({}), 0);
  world.ended(world.sent(), {.ending = Ending::Cancelled});
  CHECK(world.spend().spent == 1'000'000);
  Dispatch begun = world.sent();
  world.scheduler.first_token(Api, begun.share, 10ms, T0);
  world.ended(begun, {.ending = Ending::Cancelled});
  CHECK(world.spend().spent == 1'000'000 + Price);
}

TEST_CASE("where a spend limit holds, what cannot be priced does not go") {
  World world(api({.spend = {.limit = 1'000'000'000}}), 0);
  CHECK(world.why_not(Api, {}) == "spend");
  EndpointSettings images = api({.spend = {.limit = 1'000'000'000}});
  images.price_per_request = 0.04;
  World priced(images, 0);
  const Dispatch dispatch = priced.sent(RequestView{});
  CHECK(priced.spend().reserved == 40'000'000);
  priced.ended(dispatch, {.ending = Ending::Ok});
  CHECK(priced.spend().spent == 40'000'000);
}

TEST_CASE("what was spent stays when the endpoint's or the pool's settings change") {
  World world(api({.spend = {.limit = 10 * Bound}}), 0);
  world.ended(world.sent());
  world.scheduler.put_endpoint(Api, api({.spend = {.limit = Price}}), T0);
  world.scheduler.configure({.policy = PolicyKind::Random, .spend = {.limit = 20 * Bound}}, T0);
  CHECK(world.spend().spent == Price);
  CHECK(world.scheduler.spend(T0).spent == Price);
  CHECK(world.why_not(Api) == "spend");
}

TEST_CASE("an endpoint that is removed leaves no reservation behind") {
  World world(api({}), 0, {.policy = PolicyKind::Balanced, .spend = {.limit = 10 * Bound}});
  const Dispatch dispatch = world.sent();
  world.scheduler.remove_endpoint(Api, T0);
  world.ended(dispatch);
  CHECK(world.scheduler.spend(T0).reserved == 0);
  CHECK(world.scheduler.spend(T0).spent == Bound);  // nobody knows its prices any more
}

TEST_CASE("slots of external endpoints make a reserve of the pool's own no smaller") {
  PoolSettings settings{.policy = PolicyKind::Balanced};
  settings.admission.classes[static_cast<std::size_t>(Priority::Realtime)].reserve = 0.5;
  World world(api({}), 2, settings);
  RequestView batch = Question, live = Question;
  batch.priority = Priority::Batch;
  live.priority = Priority::Realtime;
  CHECK(world.sent(batch).endpoint == Own);
  CHECK(std::holds_alternative<Queued>(world.arrived(batch)));
  CHECK(world.sent(live).endpoint == Own);
}
