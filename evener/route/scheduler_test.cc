#include "evener/route/scheduler.h"

#include <doctest/doctest.h>

#include <limits>
#include <set>
#include <vector>

#include "evener/route/testing/scheduler_fixture.h"

using namespace evener;
using namespace evener::route;
using namespace std::chrono_literals;

using Attempt = Scheduler::Attempt;
using Drain = Scheduler::Drain;

TEST_CASE("names of refusals and reasons are stable, since they appear in logs and metrics") {
  CHECK(refusal_name(RefusalReason::NoEndpoint) == "no_endpoint");
  CHECK(refusal_name(RefusalReason::AllDown) == "all_down");
  CHECK(refusal_name(RefusalReason::QueueFull) == "queue_full");
  CHECK(refusal_name(RefusalReason::QueueTimeout) == "queue_timeout");
  CHECK(refusal_name(RefusalReason::RetryBudget) == "retry_budget");
  CHECK(refusal_name(RefusalReason::AttemptsExhausted) == "attempts_exhausted");
  CHECK(refusal_name(RefusalReason::ZoneUnavailable) == "zone_unavailable");
  CHECK(refusal_name(RefusalReason::ModalityUnsupported) == "modality_unsupported");
  CHECK(refusal_name(RefusalReason::ContextTooLong) == "context_too_long");
  CHECK(pick_reason_name(PickReason::Policy) == "policy");
  CHECK(pick_reason_name(PickReason::OnlyCandidate) == "only_candidate");
  CHECK(pick_reason_name(PickReason::Panic) == "panic");
}

TEST_CASE("an empty pool refuses, because it has no endpoint") {
  SchedulerFixture pool;
  CHECK(pool.refused_for(pool.arrive()) == "no_endpoint");
  CHECK(pool.refused_for(pool.retry({})) == "no_endpoint");
}

TEST_CASE("a request goes to the policy's choice, and the decision says among how many") {
  SchedulerFixture pool;
  pool.with(3);
  const Decision decision = pool.arrive();
  const auto& dispatch = std::get<Dispatch>(decision);
  CHECK(dispatch.reason == PickReason::Policy);
  CHECK(dispatch.candidates == 3);
  CHECK(pool.scheduler.in_flight() == 1);
}

TEST_CASE("a single endpoint is chosen without asking the policy") {
  SchedulerFixture pool;
  pool.with(1);
  CHECK(std::get<Dispatch>(pool.arrive()).reason == PickReason::OnlyCandidate);
}

TEST_CASE("every policy spreads a burst over all endpoints, or keeps a key at one") {
  for (std::string_view name : policy_names()) {
    CAPTURE(name);
    if (name == policy_name(PolicyKind::Vtc)) continue;  // a tenant's place follows from what it took, not from who is free
    SchedulerFixture pool({.policy = *policy_kind(name)});
    pool.with(4);
    CHECK(pool.scheduler.policy() == name);
    std::set<std::uint32_t> seen;
    for (int i = 0; i < 80; ++i) seen.insert(pool.send());
    CHECK(seen == std::set<std::uint32_t>{1, 2, 3, 4});
  }
}

TEST_CASE("counts per endpoint and in all are what was dispatched and has not ended") {
  SchedulerFixture pool;
  pool.with(2);
  for (int i = 0; i < 6; ++i) CHECK(pool.send() != 0);
  CHECK(pool.status(1).in_flight == 3);
  CHECK(pool.status(2).in_flight == 3);
  CHECK(pool.scheduler.in_flight() == 6);
  pool.finish(1);
  CHECK(pool.status(1).in_flight == 2);
  CHECK(pool.scheduler.in_flight() == 5);
  CHECK(pool.status(1).requests_total == 3);
}

TEST_CASE("an ending that never began is ignored") {
  SchedulerFixture pool;
  pool.with(1);
  pool.finish(1, {.ending = Ending::ServerError});
  pool.finish(77);
  CHECK(pool.scheduler.in_flight() == 0);
  CHECK(pool.status(1).failures_total == 0);
}

TEST_CASE("equal seeds and equal events give equal decisions") {
  for (std::string_view name : policy_names()) {
    CAPTURE(name);
    SchedulerFixture one({.policy = *policy_kind(name)}, 99), two({.policy = *policy_kind(name)}, 99);
    one.with(5);
    two.with(5);
    for (std::uint64_t i = 0; i < 200; ++i) CHECK(one.send({.affinity_key = i % 7}) == two.send({.affinity_key = i % 7}));
  }
}

TEST_CASE("time never goes backwards: an earlier instant counts as the latest seen") {
  SchedulerFixture pool;
  pool.with(2);
  pool.fail(1, 1, Ending::Refused, 5s);
  const Instant late = pool.now + 6s;
  pool.scheduler.tick(late);
  CHECK(pool.scheduler.status(pool.now)[0].health == Health::Healthy);  // asked with an earlier time
}

// Models.

TEST_CASE("a model is served only by endpoints that name it or that name none") {
  SchedulerFixture pool;
  pool.put(1, {.models = {10}});
  pool.put(2, {.models = {20}});
  pool.put(3);
  std::set<std::uint32_t> of_10, of_any;
  for (int i = 0; i < 20; ++i) of_10.insert(pool.send({.model = 10}));
  for (int i = 0; i < 20; ++i) of_any.insert(pool.send());
  CHECK(of_10 == std::set<std::uint32_t>{1, 3});
  CHECK(of_any == std::set<std::uint32_t>{1, 2, 3});
  CHECK(pool.send({.model = 30}) == 3);
  CHECK(pool.filtered_by(2, {.model = 10}) == "model");
}

TEST_CASE("a model that nobody serves is refused as such, though other endpoints are idle") {
  SchedulerFixture pool;
  pool.put(1, {.models = {10}});
  CHECK(pool.refused_for(pool.arrive({.model = 11})) == "no_endpoint");
}

TEST_CASE("an endpoint whose models change serves the new ones at once and the old ones no longer") {
  SchedulerFixture pool;
  pool.put(1, {.models = {10}});
  CHECK(pool.send({.model = 10}) == 1);
  pool.put(1, {.models = {20}});
  CHECK(pool.refused_for(pool.arrive({.model = 10})) == "no_endpoint");
  CHECK(pool.send({.model = 20}) == 1);
}

// Capacity.

TEST_CASE("an endpoint at its capacity is passed over") {
  SchedulerFixture pool;
  pool.put(1, {.weight = 100, .capacity = 2});
  pool.put(2);
  int first = 0;
  for (int i = 0; i < 10; ++i) first += pool.send() == 1 ? 1 : 0;
  CHECK(first == 2);
  CHECK(pool.filtered_by(1) == "capacity");
  pool.finish(1);
  CHECK(pool.send() == 1);
}

TEST_CASE("a raised capacity is used at once, a lowered one lets what runs end") {
  SchedulerFixture pool({.queue = {.requests_max = 0}});
  pool.put(1, {.capacity = 1});
  CHECK(pool.send() == 1);
  CHECK(pool.send() == 0);
  pool.put(1, {.capacity = 3});
  CHECK(pool.send() == 1);
  CHECK(pool.send() == 1);
  pool.put(1, {.capacity = 1});
  pool.finish(1);
  pool.finish(1);
  CHECK(pool.send() == 0);
  pool.finish(1);
  CHECK(pool.send() == 1);
}

// Membership.

TEST_CASE("a draining endpoint receives no new request, and what it has ends normally") {
  SchedulerFixture pool;
  pool.with(2);
  CHECK(pool.send() == 1);
  pool.scheduler.set_drain(EndpointId{1}, Drain::Yes, pool.now);
  CHECK(pool.status(1).health == Health::Draining);
  CHECK(pool.filtered_by(1) == "draining");
  for (int i = 0; i < 10; ++i) CHECK(pool.send() == 2);
  pool.finish(1);
  CHECK(pool.status(1).in_flight == 0);
  pool.scheduler.set_drain(EndpointId{1}, Drain::No, pool.now);
  CHECK(pool.send() == 1);
}

TEST_CASE("a pool whose endpoints all drain refuses, and panic does not override it") {
  SchedulerFixture pool;
  pool.with(2);
  for (std::uint32_t id : {1u, 2u}) pool.scheduler.set_drain(EndpointId{id}, Drain::Yes, pool.now);
  CHECK(pool.refused_for(pool.arrive()) == "all_down");
  CHECK_FALSE(pool.scheduler.in_panic());
}

TEST_CASE("an endpoint removed under load gets nothing new, and its endings are ignored") {
  SchedulerFixture pool;
  pool.with(2);
  CHECK(pool.send() == 1);
  CHECK(pool.send() == 2);
  pool.scheduler.remove_endpoint(EndpointId{1}, pool.now);
  CHECK_FALSE(pool.scheduler.knows(EndpointId{1}));
  CHECK(pool.scheduler.knows(EndpointId{2}));
  CHECK(pool.scheduler.in_flight() == 1);
  for (int i = 0; i < 5; ++i) CHECK(pool.send() == 2);
  pool.finish(1, {.ending = Ending::ServerError});
  CHECK(pool.scheduler.in_flight() == 6);
}

TEST_CASE("putting a known endpoint again keeps its counts and its health") {
  SchedulerFixture pool;
  pool.with(2);
  pool.take_down(1);
  CHECK(pool.send() == 2);
  pool.put(2, {.weight = 3, .capacity = 9});
  pool.put(1, {.weight = 2});
  CHECK(pool.status(2).in_flight == 1);
  CHECK(pool.status(2).capacity == 9);
  CHECK(pool.status(2).weight_configured == 3);
  CHECK(pool.status(1).health == Health::Down);
}

TEST_CASE("an operator's weight holds until the configured weight changes") {
  SchedulerFixture pool;
  pool.put(1, {.weight = 2});
  pool.scheduler.set_weight(EndpointId{1}, 5, pool.now);
  CHECK(pool.status(1).weight_effective == 5);
  pool.put(1, {.weight = 2, .capacity = 7});
  CHECK(pool.status(1).weight_effective == 5);
  pool.put(1, {.weight = 3, .capacity = 7});
  CHECK(pool.status(1).weight_effective == 3);
}

TEST_CASE("a weight that cannot be is brought into range instead of breaking the choice") {
  SchedulerFixture pool;
  pool.with(2);
  for (double weight : {0.0, -1.0, std::numeric_limits<double>::quiet_NaN()}) {
    pool.scheduler.set_weight(EndpointId{1}, weight, pool.now);
    CHECK(pool.status(1).weight_effective == doctest::Approx(0.001));
  }
  pool.scheduler.set_weight(EndpointId{1}, std::numeric_limits<double>::infinity(), pool.now);
  CHECK(pool.status(1).weight_effective == doctest::Approx(1e6));
  CHECK(pool.send() != 0);
}

TEST_CASE("another policy takes over at once, and counts stay") {
  SchedulerFixture pool;
  pool.with(3);
  for (int i = 0; i < 3; ++i) pool.send();
  PoolSettings settings = pool.scheduler.settings();
  settings.policy = PolicyKind::Maglev;
  pool.scheduler.configure(settings, pool.now);
  CHECK(pool.scheduler.policy() == "maglev");
  CHECK(pool.scheduler.in_flight() == 3);
  const std::uint32_t home = pool.send({.affinity_key = 5});
  CHECK(home != 0);
  CHECK(pool.send({.affinity_key = 5}) == home);
}

TEST_CASE("a key stays at its endpoint in another gateway that numbers the endpoints otherwise") {
  SchedulerFixture one({.policy = PolicyKind::Maglev}), two({.policy = PolicyKind::Maglev});
  const std::vector<std::uint64_t> identities = {0xaaa, 0xbbb, 0xccc};
  for (std::uint32_t i = 0; i < 3; ++i) {
    one.put(i + 1, {.identity = identities[i]});
    two.put(10 - i, {.identity = identities[i]});
  }
  for (std::uint64_t key = 1; key <= 50; ++key) CHECK(one.send({.affinity_key = key}) - 1 == 10 - two.send({.affinity_key = key}));
}

// Explanations.

TEST_CASE("an explanation names each endpoint's figure, and the choice has the least") {
  SchedulerFixture pool;
  pool.with(3);
  for (int i = 0; i < 4; ++i) pool.send();
  const std::vector<EndpointExplanation> all = pool.scheduler.explain({}, pool.now).endpoints;
  REQUIRE(all.size() == 3);
  const std::uint32_t chosen = pool.send();
  for (const EndpointExplanation& one : all) {
    CHECK(one.candidate());
    CHECK(*one.cost == one.in_flight);
    CHECK(*all[chosen - 1].cost <= *one.cost);
  }
}

TEST_CASE("explaining changes no decision") {
  for (std::string_view name : policy_names()) {
    SchedulerFixture quiet({.policy = *policy_kind(name)}), curious({.policy = *policy_kind(name)});
    quiet.with(4);
    curious.with(4);
    for (std::uint64_t i = 0; i < 100; ++i) {
      (void)curious.scheduler.explain({.affinity_key = i}, curious.now);
      (void)curious.scheduler.status(curious.now);
      CHECK(quiet.send({.affinity_key = i % 5}) == curious.send({.affinity_key = i % 5}));
    }
  }
}

TEST_CASE("explaining an empty pool or one where all are down says so without a figure") {
  SchedulerFixture pool({.panic_threshold = 0});
  CHECK(pool.scheduler.explain({}, pool.now).endpoints.empty());
  pool.with(1);
  pool.take_down(1);
  const std::vector<EndpointExplanation> all = pool.scheduler.explain({}, pool.now).endpoints;
  CHECK(all[0].left_out == LeftOut::Down);
  CHECK_FALSE(all[0].cost.has_value());
}

// Tokens.

TEST_CASE("tokens of a request count from its dispatch to its end, those to be computed only until its first token") {
  SchedulerFixture pool;
  pool.with(1);
  auto dispatch = std::get<Dispatch>(pool.scheduler.arrived({.request = {.prompt_tokens = 700, .output_tokens = 90}}, pool.now));
  CHECK(dispatch.share == Share{.prompt_tokens = 700, .uncached_tokens = 700, .output_tokens = 90, .charge = 790});
  CHECK(pool.status(1).in_flight_uncached_tokens == 700);
  pool.scheduler.first_token(EndpointId{1}, dispatch.share, 300ms, pool.now);
  CHECK(pool.status(1).in_flight_uncached_tokens == 0);
  CHECK(pool.status(1).in_flight_prompt_tokens == 700);
  pool.finish(1, {.share = dispatch.share});
  CHECK(pool.status(1).in_flight_prompt_tokens == 0);
  CHECK(pool.status(1).in_flight_output_tokens == 0);
}

TEST_CASE("a request that ends before its first token leaves nothing in the book") {
  SchedulerFixture pool;
  pool.with(1);
  const auto dispatch = std::get<Dispatch>(pool.scheduler.arrived({.request = {.prompt_tokens = 700, .output_tokens = 90}}, pool.now));
  pool.finish(1, {.ending = Ending::Cancelled, .share = dispatch.share});
  CHECK(pool.status(1).in_flight_uncached_tokens == 0);
  CHECK(pool.status(1).in_flight_prompt_tokens == 0);
}

TEST_CASE("an older load report does not replace a newer one") {
  SchedulerFixture pool;
  pool.with(1);
  pool.scheduler.load_reported(EndpointId{1}, {.at = pool.now, .waiting = 3}, pool.now);
  pool.scheduler.load_reported(EndpointId{1}, {.at = pool.now - 1s, .waiting = 9}, pool.now);
  CHECK(pool.status(1).report.value().waiting == 3);
}

// Latency.

TEST_CASE("the latency of an endpoint is fed by first tokens, and by endings for those that tell it only then") {
  SchedulerFixture pool;
  pool.with(2);
  pool.send();
  pool.send();
  pool.pass(300ms);
  Share share;
  pool.scheduler.first_token(EndpointId{1}, share, 300ms, pool.now);
  CHECK(pool.status(1).latency_s == doctest::Approx(0.3));
  pool.finish(2, {.first_token = 200ms, .total = 300ms});
  CHECK(pool.status(2).latency_s == doctest::Approx(0.2));
}

TEST_CASE("a first token that is told twice counts once, even when the stream ends much later") {
  SchedulerFixture pool;
  pool.with(1);
  pool.send();
  pool.pass(2s);
  Share share;
  pool.scheduler.first_token(EndpointId{1}, share, 2s, pool.now);
  pool.send();
  pool.pass(10s);
  pool.scheduler.first_token(EndpointId{1}, share, 100ms, pool.now);
  const double before = pool.status(1).latency_s;
  pool.pass(20s);
  pool.finish(1, {.first_token = 2s, .total = 32s});
  CHECK(pool.status(1).latency_s == before);
}

TEST_CASE("a failure counts as a high latency, so that failing fast attracts nothing under peak EWMA") {
  SchedulerFixture pool({.policy = PolicyKind::PeakEwma, .outlier = {.enabled = false}});
  pool.with(2);
  for (int i = 0; i < 40; ++i) {
    pool.pass(50ms);
    const std::uint32_t chosen = pool.send();
    pool.pass(50ms);
    if (chosen == 1) pool.finish(1, {.ending = Ending::ConnectFailed, .total = 1ms});
    if (chosen == 2) pool.finish(2, {.first_token = 50ms, .total = 50ms});
  }
  CHECK(pool.status(1).requests_total <= 4);
}

TEST_CASE("a cancelled request says nothing about the endpoint") {
  SchedulerFixture pool;
  pool.with(1);
  pool.fail(1, 4);
  const EndpointStatus before = pool.status(1);
  pool.send();
  pool.finish(1, {.ending = Ending::Cancelled, .total = 60s});
  const EndpointStatus after = pool.status(1);
  CHECK(after.consecutive_failures == 4);
  CHECK(after.failures_total == before.failures_total);
  CHECK(after.latency_s == before.latency_s);
  CHECK(after.in_flight == 0);
}
