#include <doctest/doctest.h>

#include <set>
#include <string_view>
#include <variant>
#include <vector>

#include "evener/route/testing/scheduler_fixture.h"

using namespace evener;
using namespace evener::route;
using namespace std::chrono_literals;

using Check = Scheduler::Check;
using Drain = Scheduler::Drain;
using Start = Scheduler::Start;

// Active checks.

TEST_CASE("an endpoint that fails its checks gets no request until it passes again") {
  SchedulerFixture pool;
  pool.with(3);
  pool.check(1, Check::Failed, 2);
  CHECK(pool.status(1).health == Health::Healthy);
  pool.check(1, Check::Failed);
  CHECK(pool.status(1).health == Health::Down);
  CHECK(*pool.status(1).last_check == false);
  CHECK(pool.filtered_by(1) == "down");
  for (int i = 0; i < 10; ++i) CHECK(pool.send() != 1);
  pool.check(1, Check::Passed, 2);
  CHECK(pool.status(1).health == Health::Healthy);
  CHECK(pool.send() == 1);
}

TEST_CASE("an endpoint that awaits its check gets nothing before, everything after one good check") {
  SchedulerFixture pool;
  pool.with(2);
  pool.put(3, {}, Start::AwaitCheck);
  CHECK(pool.status(3).health == Health::Down);
  CHECK_FALSE(pool.status(3).last_check.has_value());
  for (int i = 0; i < 10; ++i) CHECK(pool.send() != 3);
  pool.check(3, Check::Passed);
  CHECK(pool.send() == 3);
}

TEST_CASE("a reload that turns checks off brings back every endpoint that checks had taken down or held back, with slow start") {
  SchedulerFixture pool({.slow_start = 10s, .panic_threshold = 0});
  pool.with(2);
  pool.put(3, {}, Start::AwaitCheck);
  pool.pass(20s);
  pool.take_down(1);
  pool.scheduler.configure({.check = {.enabled = false}, .slow_start = 10s, .panic_threshold = 0}, pool.now);
  for (std::uint32_t id = 1; id <= 3; ++id) {
    CHECK(pool.status(id).health == Health::Healthy);
    CHECK_FALSE(pool.status(id).last_check.has_value());
    CHECK(pool.status(id).slow_start == (id != 2));
  }
  SUBCASE("an answer to a check from before changes nothing") {
    pool.check(1, Check::Failed, 10);
    CHECK(pool.status(1).health == Health::Healthy);
    CHECK_FALSE(pool.status(1).last_check.has_value());
  }
  SUBCASE("a newcomer awaits no check") {
    pool.put(4, {}, Start::AwaitCheck);
    CHECK(pool.status(4).health == Health::Healthy);
  }
  SUBCASE("turned on again, they count from the beginning") {
    pool.scheduler.configure({.slow_start = 10s, .panic_threshold = 0}, pool.now);
    pool.check(1, Check::Failed, 2);
    CHECK(pool.status(1).health == Health::Healthy);
    pool.check(1, Check::Failed);
    CHECK(pool.status(1).health == Health::Down);
  }
}

TEST_CASE("a request that waits for an endpoint which checks hold down goes when checks are turned off") {
  SchedulerFixture pool({.panic_threshold = 0});
  pool.put(1, {.capacity = 1});
  pool.put(2, {.capacity = 1});
  pool.take_down(2);
  CHECK(pool.send() == 1);
  REQUIRE(std::holds_alternative<Queued>(pool.arrive()));
  pool.scheduler.configure({.check = {.enabled = false}, .panic_threshold = 0}, pool.now);
  std::vector<Released> released;
  pool.scheduler.release(released, pool.now);
  REQUIRE(released.size() == 1);
  CHECK(std::get<Dispatch>(released[0].decision).endpoint == EndpointId{2});
}

TEST_CASE("a check of an unknown endpoint is ignored") {
  SchedulerFixture pool;
  pool.with(1);
  pool.check(9, Check::Failed, 10);
  CHECK(pool.send() == 1);
}

TEST_CASE("when all are down and panic is off, requests are refused without a promise") {
  SchedulerFixture pool({.panic_threshold = 0});
  pool.with(2);
  pool.take_down(1);
  CHECK(pool.send() == 2);
  pool.take_down(2);
  const Refusal refusal = pool.refusal_of(pool.arrive());
  CHECK(refusal.reason == RefusalReason::AllDown);
  CHECK(refusal.retry_after == 0s);
}

// Panic.

TEST_CASE("below the panic threshold health is ignored, and the decision says so") {
  SchedulerFixture pool;
  pool.with(4);
  pool.take_down(1);
  pool.take_down(2);
  CHECK_FALSE(pool.scheduler.in_panic());  // 2 of 4 is not below one half
  for (int i = 0; i < 6; ++i) CHECK(pool.send() >= 3);
  pool.take_down(3);
  CHECK(pool.scheduler.in_panic());
  std::set<std::uint32_t> seen;
  for (int i = 0; i < 40; ++i) {
    const Decision decision = pool.arrive();
    CHECK(std::get<Dispatch>(decision).reason == PickReason::Panic);
    seen.insert(pool.endpoint_of(decision));
  }
  CHECK(seen == std::set<std::uint32_t>{1, 2, 3, 4});
  pool.check(3, Check::Passed, 2);
  CHECK_FALSE(pool.scheduler.in_panic());
}

TEST_CASE("panic does not send to an endpoint that asked to be left alone") {
  SchedulerFixture pool({.policy = PolicyKind::RoundRobin});
  pool.with(3);
  pool.fail(1, 1, Ending::Refused, 30s);
  pool.take_down(2);
  pool.take_down(3);
  CHECK(pool.scheduler.in_panic());
  for (int i = 0; i < 10; ++i) CHECK(pool.send() != 1);
  CHECK(pool.filtered_by(1) == "backoff");
}

TEST_CASE("endpoints that back off are alive, so they alone cause no panic") {
  SchedulerFixture pool({.policy = PolicyKind::RoundRobin});
  pool.with(3);
  pool.fail(1, 1, Ending::Refused, 30s);
  pool.fail(2, 1, Ending::Refused, 30s);
  CHECK_FALSE(pool.scheduler.in_panic());
  CHECK(pool.send() == 3);
}

TEST_CASE("newcomers that have not passed a check yet cause no panic and get nothing from one") {
  SchedulerFixture pool;
  pool.with(2);
  for (std::uint32_t id : {3u, 4u, 5u}) {
    pool.put(id, {}, Start::AwaitCheck);
    pool.check(id, Check::Failed, 5);  // still loading its model
  }
  CHECK_FALSE(pool.scheduler.in_panic());
  for (int i = 0; i < 10; ++i) CHECK(pool.send() <= 2);
  pool.take_down(1);
  pool.take_down(2);
  CHECK(pool.scheduler.in_panic());
  for (int i = 0; i < 10; ++i) CHECK(pool.send() <= 2);
}

TEST_CASE("a pool of nothing but newcomers uses them rather than refusing") {
  SchedulerFixture pool;
  pool.put(1, {}, Start::AwaitCheck);
  CHECK(std::get<Dispatch>(pool.arrive()).reason == PickReason::Panic);
  SchedulerFixture strict({.panic_threshold = 0});
  strict.put(1, {}, Start::AwaitCheck);
  CHECK(strict.refused_for(strict.arrive()) == "all_down");
}

TEST_CASE("draining endpoints are left out of the share that is up") {
  SchedulerFixture pool;
  pool.with(4);
  for (std::uint32_t id : {1u, 2u, 3u}) pool.scheduler.set_drain(EndpointId{id}, Drain::Yes, pool.now);
  CHECK_FALSE(pool.scheduler.in_panic());
  CHECK(pool.send() == 4);
  pool.take_down(4);
  CHECK(pool.scheduler.in_panic());
  CHECK(pool.send() == 4);  // a draining endpoint gets nothing even now
}

TEST_CASE("panic is judged per model: the others' health does not help a model whose endpoints are down") {
  SchedulerFixture pool;
  pool.put(1, {.models = {10}});
  for (std::uint32_t id = 2; id <= 9; ++id) pool.put(id, {.models = {20}});
  pool.take_down(1);
  CHECK_FALSE(pool.scheduler.in_panic());
  const Decision decision = pool.arrive({.model = 10});
  CHECK(pool.endpoint_of(decision) == 1);
  CHECK(std::get<Dispatch>(decision).reason == PickReason::Panic);
}

// Passive ejection.

TEST_CASE("five failures in a row eject an endpoint for the base time, and it returns by itself") {
  SchedulerFixture pool({.policy = PolicyKind::RoundRobin});
  pool.with(3);
  pool.fail(1, 4);
  CHECK(pool.status(1).health == Health::Healthy);
  pool.fail(1, 1);
  const EndpointStatus status = pool.status(1);
  CHECK(status.health == Health::Ejected);
  CHECK(*status.until == pool.now + 10s);
  CHECK(status.ejections_total == 1);
  CHECK(status.failures_total == 5);
  CHECK(pool.filtered_by(1) == "ejected");
  for (int i = 0; i < 9; ++i) CHECK(pool.send() != 1);
  pool.pass(9999ms);
  CHECK(pool.send() != 1);
  pool.pass(1ms);
  CHECK(pool.status(1).health == Health::Healthy);
  std::set<std::uint32_t> seen;
  for (int i = 0; i < 3; ++i) seen.insert(pool.send());
  CHECK(seen.count(1) == 1);
}

TEST_CASE("an ejection ends on time even when nobody calls tick") {
  SchedulerFixture pool({.policy = PolicyKind::RoundRobin});
  pool.with(2);
  pool.fail(1, 5);
  pool.now += 10s;
  const std::uint32_t one = pool.send(), other = pool.send();
  CHECK(one != other);
}

TEST_CASE("each kind of failure counts towards ejection, but a refusal, a cancellation or a success does not") {
  for (Ending ending : {Ending::ServerError, Ending::ConnectFailed, Ending::Reset, Ending::Timeout, Ending::BadResponse}) {
    SchedulerFixture pool({.policy = PolicyKind::RoundRobin});
    pool.with(2);
    pool.fail(1, 5, ending);
    CHECK(pool.status(1).health == Health::Ejected);
  }
  for (Ending ending : {Ending::Refused, Ending::Cancelled, Ending::Ok}) {
    SchedulerFixture pool({.policy = PolicyKind::RoundRobin});
    pool.with(2);
    pool.fail(1, 4, ending);
    CHECK(pool.status(1).health == Health::Healthy);
    CHECK(pool.status(1).consecutive_failures == 0);
  }
}

TEST_CASE("a second ejection soon after the first lasts longer, and quiet intervals forgive") {
  SchedulerFixture pool({.policy = PolicyKind::RoundRobin});
  pool.with(2);
  pool.fail(1, 5);
  pool.pass(10s);
  pool.fail(1, 5);
  CHECK(*pool.status(1).until == pool.now + 20s);
  pool.pass(20s);
  pool.pass(60s);
  pool.fail(1, 5);
  CHECK(*pool.status(1).until == pool.now + 10s);
}

TEST_CASE("at most half of the pool is ejected at one time") {
  SchedulerFixture pool({.policy = PolicyKind::RoundRobin, .panic_threshold = 0});
  pool.with(4);
  pool.fail(1, 5);
  pool.fail(2, 5);
  pool.fail(3, 20);
  CHECK(pool.status(1).health == Health::Ejected);
  CHECK(pool.status(2).health == Health::Ejected);
  CHECK(pool.status(3).health == Health::Healthy);
  pool.pass(10s);  // the first two return, and now there is room for the third
  pool.fail(3, 1);
  CHECK(pool.status(3).health == Health::Ejected);
}

TEST_CASE("one endpoint may be ejected however small the pool or the share is") {
  SchedulerFixture pool({.policy = PolicyKind::RoundRobin, .outlier = {.max_ejected_share = 0.1}});
  pool.with(2);
  pool.fail(1, 5);
  CHECK(pool.status(1).health == Health::Ejected);
  pool.fail(2, 10);
  CHECK(pool.status(2).health == Health::Healthy);
}

TEST_CASE("removing an ejected endpoint makes room for another ejection") {
  SchedulerFixture pool({.policy = PolicyKind::RoundRobin, .outlier = {.max_ejected_share = 0.1}});
  pool.with(3);
  pool.fail(1, 5);
  pool.scheduler.remove_endpoint(EndpointId{1}, pool.now);
  pool.fail(2, 5);
  CHECK(pool.status(2).health == Health::Ejected);
}

TEST_CASE("a good active check does not end an ejection early, since it is real requests that failed") {
  SchedulerFixture pool({.policy = PolicyKind::RoundRobin});
  pool.with(2);
  pool.fail(1, 5);
  pool.check(1, Check::Passed, 10);
  CHECK(pool.status(1).health == Health::Ejected);
}

TEST_CASE("an endpoint that fails its checks while ejected stays down when the ejection ends") {
  SchedulerFixture pool({.policy = PolicyKind::RoundRobin});
  pool.with(2);
  pool.fail(1, 5);
  pool.take_down(1);
  pool.pass(10s);
  CHECK(pool.status(1).health == Health::Down);
  pool.check(1, Check::Passed, 2);
  CHECK(pool.status(1).health == Health::Healthy);
}

TEST_CASE("an endpoint whose success rate is far below the pool's is ejected at the end of the interval") {
  SchedulerFixture pool({.policy = PolicyKind::RoundRobin, .outlier = {.consecutive_failures = 0}});
  pool.with(6);
  for (int i = 0; i < 120 * 6; ++i) {
    const std::uint32_t id = pool.send();
    pool.finish(id, {.ending = id == 4 && i % 12 < 6 ? Ending::ServerError : Ending::Ok});
  }
  CHECK(pool.status(4).health == Health::Healthy);
  pool.pass(10s);
  for (std::uint32_t id = 1; id <= 6; ++id) CHECK(pool.status(id).health == (id == 4 ? Health::Ejected : Health::Healthy));
}

TEST_CASE("an endpoint that is ejected already does not hide another outlier by its own bad rate") {
  SchedulerFixture pool({.policy = PolicyKind::RoundRobin, .outlier = {.success_rate_min_requests = 10}});
  pool.with(12);
  for (int i = 0; i < 12 * 12; ++i) {
    const std::uint32_t id = pool.send();
    const bool bad = (id == 1 && i >= 12 * 5) || (id == 2 && i % 24 < 12);
    pool.finish(id, {.ending = bad ? Ending::ServerError : Ending::Ok});
  }
  CHECK(pool.status(1).health == Health::Ejected);
  CHECK(pool.status(2).health == Health::Healthy);
  pool.pass(9s);
  for (int i = 0; i < 11 * 12; ++i) pool.finish(pool.send());
  pool.pass(1s);
  CHECK(pool.status(2).health == Health::Ejected);
}

TEST_CASE("with outlier detection off nothing is ejected, and turning it off frees who is") {
  SchedulerFixture pool({.policy = PolicyKind::RoundRobin});
  pool.with(2);
  pool.fail(1, 5);
  PoolSettings settings = pool.scheduler.settings();
  settings.outlier.enabled = false;
  pool.scheduler.configure(settings, pool.now);
  CHECK(pool.status(1).health == Health::Healthy);
  pool.fail(1, 50);
  CHECK(pool.status(1).health == Health::Healthy);
}

// Back-off.

TEST_CASE("an endpoint that answers with Retry-After is left alone for that time, at most 60 s") {
  SchedulerFixture pool({.policy = PolicyKind::RoundRobin});
  pool.with(2);
  pool.fail(1, 1, Ending::Refused, 5s);
  CHECK(pool.status(1).health == Health::Backoff);
  CHECK(*pool.status(1).until == pool.now + 5s);
  for (int i = 0; i < 6; ++i) CHECK(pool.send() == 2);
  pool.pass(5s);
  CHECK(pool.status(1).health == Health::Healthy);
  pool.fail(1, 1, Ending::Refused, 1h);
  CHECK(*pool.status(1).until == pool.now + 60s);
}

TEST_CASE("when every endpoint backs off, the refusal says when the first one is back") {
  SchedulerFixture pool({.policy = PolicyKind::RoundRobin});
  pool.with(2);
  pool.fail(1, 1, Ending::Refused, 20s);
  pool.fail(2, 1, Ending::Refused, 7s);
  pool.pass(2s);
  const Refusal refusal = pool.refusal_of(pool.arrive());
  CHECK(refusal.reason == RefusalReason::AllDown);
  CHECK(refusal.retry_after == 5s);
  pool.pass(5s);
  CHECK(pool.send() == 2);
}

TEST_CASE("an endpoint that is also ejected is back only when both have ended") {
  SchedulerFixture pool({.policy = PolicyKind::RoundRobin, .panic_threshold = 0});
  pool.with(1);
  pool.send();
  pool.fail(1, 5);                                                  // ejected for 10 s
  pool.finish(1, {.ending = Ending::Refused, .retry_after = 25s});  // and it asks for more
  CHECK(pool.status(1).health == Health::Ejected);
  CHECK(pool.refusal_of(pool.arrive()).retry_after == 25s);
  pool.pass(10s);
  CHECK(pool.status(1).health == Health::Backoff);
  pool.pass(15s);
  CHECK(pool.send() == 1);
}

TEST_CASE("an endpoint that refuses five times in a row without a time is left alone for a second, and that is no ejection") {
  SchedulerFixture pool({.policy = PolicyKind::RoundRobin});
  pool.with(2);
  pool.fail(1, 5, Ending::Refused);
  CHECK(pool.status(1).health == Health::Backoff);
  CHECK(*pool.status(1).until == pool.now + 1s);
  CHECK(pool.status(1).ejections_total == 0);
  CHECK(pool.status(1).consecutive_failures == 0);
}

TEST_CASE("refusals with a success between them are not in a row") {
  SchedulerFixture pool({.policy = PolicyKind::RoundRobin});
  pool.with(2);
  for (int i = 0; i < 5; ++i) {
    pool.fail(1, 4, Ending::Refused);
    pool.fail(1, 1, Ending::Ok);
  }
  CHECK(pool.status(1).health == Health::Healthy);
}

// Slow start.

TEST_CASE("an endpoint that comes back ramps from 10 % to 100 % of its weight") {
  SchedulerFixture pool({.slow_start = 10s});
  pool.put(1, {.weight = 4});
  pool.pass(20s);
  CHECK_FALSE(pool.status(1).slow_start);
  CHECK(pool.status(1).weight_effective == 4);
  pool.take_down(1);
  pool.check(1, Check::Passed, 2);
  CHECK(pool.status(1).slow_start);
  CHECK(pool.status(1).weight_effective == doctest::Approx(0.4));
  CHECK(pool.status(1).weight_configured == 4);
  pool.pass(5s);
  CHECK(pool.status(1).weight_effective == doctest::Approx(2));
  pool.pass(5s);
  CHECK(pool.status(1).weight_effective == 4);
  CHECK_FALSE(pool.status(1).slow_start);
}

TEST_CASE("slow start begins after an ejection, after a drain and for a newcomer") {
  SchedulerFixture pool({.policy = PolicyKind::RoundRobin, .slow_start = 10s});
  pool.with(2);
  CHECK(pool.status(1).slow_start);
  pool.pass(10s);
  CHECK_FALSE(pool.status(1).slow_start);
  pool.fail(1, 5);
  pool.pass(10s);
  CHECK(pool.status(1).slow_start);
  pool.pass(10s);
  pool.scheduler.set_drain(EndpointId{1}, Drain::Yes, pool.now);
  pool.scheduler.set_drain(EndpointId{1}, Drain::No, pool.now);
  CHECK(pool.status(1).slow_start);
}

TEST_CASE("the ramp goes on when nobody looks: after an ejection that ended 5 s ago it stands at half") {
  SchedulerFixture pool({.policy = PolicyKind::RoundRobin, .slow_start = 10s});
  pool.with(2);
  pool.pass(10s);
  pool.fail(1, 5);
  pool.now += 15s;  // 10 s of ejection and 5 s of ramp, without a tick
  CHECK(pool.status(1).weight_effective == doctest::Approx(0.5));
}

TEST_CASE("during slow start an endpoint gets a share of the requests that grows") {
  SchedulerFixture pool({.policy = PolicyKind::WeightedRoundRobin, .slow_start = 100s});
  pool.with(2);
  pool.pass(100s);
  pool.take_down(1);
  pool.check(1, Check::Passed, 2);
  const auto share = [&] {
    int first = 0;
    for (int i = 0; i < 110; ++i) {
      const std::uint32_t id = pool.send();
      pool.finish(id);
      if (id == 1) ++first;
    }
    return first;
  };
  CHECK(share() == 10);
  pool.pass(50s);
  CHECK(share() == doctest::Approx(110.0 / 3).epsilon(0.05));
  pool.pass(50s);
  CHECK(share() == 55);
}

TEST_CASE("slow start of 0 gives full weight at once") {
  SchedulerFixture pool;
  pool.with(1);
  pool.take_down(1);
  pool.check(1, Check::Passed, 2);
  CHECK_FALSE(pool.status(1).slow_start);
  CHECK(pool.status(1).weight_effective == 1);
}

// What holds for all of them.

TEST_CASE("a drain outranks everything, and what was beneath shows again afterwards") {
  SchedulerFixture pool({.policy = PolicyKind::RoundRobin});
  pool.with(2);
  pool.fail(1, 5);
  pool.scheduler.set_drain(EndpointId{1}, Drain::Yes, pool.now);
  CHECK(pool.status(1).health == Health::Draining);
  CHECK_FALSE(pool.status(1).until.has_value());
  pool.scheduler.set_drain(EndpointId{1}, Drain::No, pool.now);
  CHECK(pool.status(1).health == Health::Ejected);
}

TEST_CASE("an endpoint whose ejection has ended gets its share again, by every policy") {
  for (const std::string_view name : policy_names()) {
    CAPTURE(name);
    const PolicyKind kind = *policy_kind(name);
    if (kind == PolicyKind::Composed) continue;  // it has no parts here
    if (kind == PolicyKind::Vtc) continue;       // a tenant that took much has no share of the first endpoint
    SchedulerFixture pool({.policy = kind});
    pool.with(4);
    std::uint64_t key = 0;
    bool broken = false;  // the first one, meanwhile
    const auto serve = [&](int requests) {
      int of_first = 0;
      for (int i = 0; i < requests; ++i) {
        const Decision decision = pool.arrive({.affinity_key = ++key, .stream = true, .prompt_tokens = 500, .output_tokens = 50});
        REQUIRE(std::holds_alternative<Dispatch>(decision));
        Dispatch dispatch = std::get<Dispatch>(decision);
        const bool first = dispatch.endpoint == EndpointId{1};
        if (first) ++of_first;
        if (first && broken) {
          pool.finish(1, {.ending = Ending::ServerError, .share = dispatch.share});
        } else {
          pool.scheduler.first_token(dispatch.endpoint, dispatch.share, 100ms, pool.now);
          pool.finish(static_cast<std::uint32_t>(dispatch.endpoint), {.first_token = 100ms, .total = 1s, .share = dispatch.share});
        }
        pool.pass(100ms);
      }
      return of_first;
    };
    CHECK(serve(400) > 50);
    // Some policies avoid an endpoint that failed and come back to it after a while, so time passes until it has failed often enough.
    broken = true;
    for (int requests = 0; pool.status(1).health != Health::Ejected; ++requests) {
      REQUIRE(requests < 5000);
      serve(1);
    }
    broken = false;
    CHECK(serve(90) == 0);
    pool.pass(2s);
    if (kind == PolicyKind::PeakEwma) serve(400);  // to it a failure was a slow answer, which it forgets in tens of seconds
    CHECK(serve(400) > 50);
  }
}
