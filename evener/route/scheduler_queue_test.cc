#include <doctest/doctest.h>

#include <vector>

#include "evener/route/testing/scheduler_fixture.h"

using namespace evener;
using namespace evener::route;
using namespace std::chrono_literals;

using Attempt = Scheduler::Attempt;
using Drain = Scheduler::Drain;

namespace {

std::vector<std::uint64_t> cookies(const std::vector<Released>& released) {
  std::vector<std::uint64_t> all;
  for (const Released& one : released) all.push_back(one.cookie);
  return all;
}

/// One endpoint with room for one request, which is running (cookie 1).
struct BusyPool : SchedulerFixture {
  explicit BusyPool(const PoolSettings& settings = {}) : SchedulerFixture(settings) {
    put(1, {.capacity = 1});
    CHECK(send() == 1);
  }
};

}  // namespace

// The queue.

TEST_CASE("a request without room waits, and goes when room comes free") {
  BusyPool pool;
  CHECK(pool.is_queued(pool.arrive()));
  CHECK(pool.scheduler.queued() == 1);
  CHECK(pool.release().empty());
  pool.pass(3s);
  pool.finish(1);
  const std::vector<Released> released = pool.release();
  REQUIRE(released.size() == 1);
  CHECK(released[0].cookie == 2);
  CHECK(released[0].waited == 3s);
  CHECK(pool.endpoint_of(released[0].decision) == 1);
  CHECK(pool.scheduler.queued() == 0);
  CHECK(pool.scheduler.in_flight() == 1);
}

TEST_CASE("requests go in the order of their arrival") {
  BusyPool pool;
  for (int i = 0; i < 3; ++i) CHECK(pool.is_queued(pool.arrive()));
  std::vector<std::uint64_t> order;
  for (int i = 0; i < 3; ++i) {
    pool.finish(1);
    for (std::uint64_t cookie : cookies(pool.release())) order.push_back(cookie);
  }
  CHECK(order == std::vector<std::uint64_t>{2, 3, 4});
}

TEST_CASE("a newcomer does not overtake those who wait, even before they were released") {
  BusyPool pool;
  CHECK(pool.is_queued(pool.arrive()));
  pool.finish(1);
  CHECK(pool.is_queued(pool.arrive()));  // there is room, but it belongs to the first
  CHECK(cookies(pool.release()) == std::vector<std::uint64_t>{2});
}

TEST_CASE("a full queue refuses, and a queue of 0 refuses at once") {
  BusyPool pool({.queue = {.requests_max = 2}});
  CHECK(pool.is_queued(pool.arrive()));
  CHECK(pool.is_queued(pool.arrive()));
  CHECK(pool.refused_for(pool.arrive()) == "queue_full");
  CHECK(pool.scheduler.queued() == 2);
  BusyPool none({.queue = {.requests_max = 0}});
  CHECK(none.refused_for(none.arrive()) == "queue_full");
}

TEST_CASE("a request that waited too long is refused, at the instant its time is over") {
  BusyPool pool({.queue = {.wait_max = 30s}});
  CHECK(pool.is_queued(pool.arrive()));
  pool.pass(10s);
  CHECK(pool.is_queued(pool.arrive()));
  pool.pass(19999ms);
  CHECK(pool.release().empty());
  pool.pass(1ms);
  const std::vector<Released> released = pool.release();
  REQUIRE(released.size() == 1);
  CHECK(released[0].cookie == 2);
  CHECK(released[0].waited == 30s);
  CHECK(pool.refused_for(released[0].decision) == "queue_timeout");
  CHECK(pool.scheduler.queued() == 1);
}

TEST_CASE("a request whose time is over does not get the room that came free too late") {
  BusyPool pool({.queue = {.wait_max = 5s}});
  CHECK(pool.is_queued(pool.arrive()));
  pool.pass(6s);
  pool.finish(1);
  CHECK(pool.refused_for(pool.release().at(0).decision) == "queue_timeout");
  CHECK(pool.scheduler.in_flight() == 0);
}

TEST_CASE("a client that left is forgotten, once") {
  BusyPool pool;
  const std::uint64_t ticket = std::get<Queued>(pool.arrive()).ticket;
  CHECK(pool.scheduler.abandoned(ticket, pool.now));
  CHECK_FALSE(pool.scheduler.abandoned(ticket, pool.now));
  CHECK(pool.scheduler.queued() == 0);
  pool.finish(1);
  CHECK(pool.release().empty());
  CHECK(pool.scheduler.in_flight() == 0);
}

TEST_CASE("a released request cannot be abandoned any more") {
  BusyPool pool;
  const std::uint64_t ticket = std::get<Queued>(pool.arrive()).ticket;
  pool.finish(1);
  CHECK(pool.release().size() == 1);
  CHECK_FALSE(pool.scheduler.abandoned(ticket, pool.now));
}

TEST_CASE("every event that brings room lets waiting requests go: a new endpoint, a raised capacity, a good check, an undrain") {
  BusyPool pool;
  for (int i = 0; i < 5; ++i) CHECK(pool.is_queued(pool.arrive()));
  pool.put(2, {.capacity = 1});
  CHECK(cookies(pool.release()) == std::vector<std::uint64_t>{2});
  pool.put(2, {.capacity = 2});
  CHECK(cookies(pool.release()) == std::vector<std::uint64_t>{3});
  pool.put(3, {.capacity = 1}, Scheduler::Start::AwaitCheck);
  CHECK(pool.release().empty());
  pool.check(3, Scheduler::Check::Passed);
  CHECK(cookies(pool.release()) == std::vector<std::uint64_t>{4});
  pool.put(4, {.capacity = 1}, Scheduler::Start::AwaitCheck);
  pool.scheduler.set_drain(EndpointId{4}, Drain::Yes, pool.now);
  pool.check(4, Scheduler::Check::Passed);
  CHECK(pool.release().empty());
  pool.scheduler.set_drain(EndpointId{4}, Drain::No, pool.now);
  CHECK(cookies(pool.release()) == std::vector<std::uint64_t>{5});
}

TEST_CASE("requests for a busy model do not hold up those for an idle one") {
  SchedulerFixture pool;
  pool.put(1, {.capacity = 1, .models = {10}});
  pool.put(2, {.capacity = 1, .models = {20}});
  CHECK(pool.send({.model = 10}) == 1);
  CHECK(pool.is_queued(pool.arrive({.model = 10})));
  CHECK(pool.send({.model = 20}) == 2);
  CHECK(pool.is_queued(pool.arrive({.model = 20})));
  pool.finish(2);
  CHECK(cookies(pool.release()) == std::vector<std::uint64_t>{4});  // behind cookie 2, which still waits
}

TEST_CASE("when the last endpoint for waiting requests goes away they are refused at once, with the reason") {
  BusyPool pool({.panic_threshold = 0});
  CHECK(pool.is_queued(pool.arrive()));
  CHECK(pool.is_queued(pool.arrive()));
  pool.take_down(1);
  const std::vector<Released> down = pool.release();
  REQUIRE(down.size() == 2);
  CHECK(pool.refused_for(down[0].decision) == "all_down");

  BusyPool gone;
  CHECK(gone.is_queued(gone.arrive()));
  gone.scheduler.remove_endpoint(EndpointId{1}, gone.now);
  CHECK(gone.refused_for(gone.release().at(0).decision) == "no_endpoint");
}

TEST_CASE("waiting requests stay while the endpoint backs off for less than they may wait, and go when it is back") {
  BusyPool pool;
  CHECK(pool.is_queued(pool.arrive()));
  pool.finish(1, {.ending = Ending::Refused, .retry_after = 5s});
  CHECK(pool.release().empty());
  pool.pass(5s);
  CHECK(cookies(pool.release()) == std::vector<std::uint64_t>{2});

  BusyPool longer;
  CHECK(longer.is_queued(longer.arrive()));
  longer.finish(1, {.ending = Ending::Refused, .retry_after = 45s});
  const Refusal refusal = longer.refusal_of(longer.release().at(0).decision);
  CHECK(refusal.reason == RefusalReason::AllDown);
  CHECK(refusal.retry_after == 45s);
}

TEST_CASE("a full queue tells how long it will take, from how fast it has been moving") {
  BusyPool pool({.queue = {.requests_max = 4}});
  CHECK(pool.is_queued(pool.arrive()));
  CHECK(pool.is_queued(pool.arrive()));
  CHECK(pool.is_queued(pool.arrive()));
  CHECK(pool.is_queued(pool.arrive()));
  CHECK(pool.refusal_of(pool.arrive()).retry_after == 0s);  // nothing is known yet
  for (int i = 0; i < 10; ++i) {
    pool.pass(2s);
    pool.finish(1);
    CHECK(pool.release().size() == 1);
    CHECK(pool.is_queued(pool.arrive()));
  }
  CHECK(pool.refusal_of(pool.arrive()).retry_after == 8s);  // four wait, one goes every two seconds
}

// Retries.

TEST_CASE("a retry goes to an endpoint that was not tried") {
  SchedulerFixture pool;
  pool.with(3);
  for (int i = 0; i < 3; ++i) CHECK(pool.endpoint_of(pool.retry({1, 3}, {})) == 2);
}

TEST_CASE("attempts end at their limit, and when every endpoint was tried") {
  SchedulerFixture pool({.retry = {.attempts_max = 3}});
  pool.with(5);
  CHECK(pool.endpoint_of(pool.retry({1, 2})) != 0);
  CHECK(pool.refused_for(pool.retry({1, 2, 3})) == "attempts_exhausted");
  SchedulerFixture two({.retry = {.attempts_max = 9}});
  two.with(2);
  CHECK(two.refused_for(two.retry({1, 2})) == "attempts_exhausted");
  SchedulerFixture never({.retry = {.attempts_max = 1}});
  never.with(2);
  CHECK(never.refused_for(never.retry({1})) == "attempts_exhausted");
}

TEST_CASE("when all usable endpoints were tried the attempts are exhausted, although others are down") {
  SchedulerFixture pool;
  pool.with(3);
  pool.take_down(3);
  CHECK(pool.refused_for(pool.retry({1, 2})) == "attempts_exhausted");
}

TEST_CASE("a retry when nothing is up is refused as such, with the time of the first return") {
  SchedulerFixture pool({.policy = PolicyKind::RoundRobin});
  pool.with(2);
  pool.fail(1, 1, Ending::Refused, 9s);
  pool.fail(2, 1, Ending::Refused, 4s);
  const Refusal refusal = pool.refusal_of(pool.retry({1}));
  CHECK(refusal.reason == RefusalReason::AllDown);
  CHECK(refusal.retry_after == 4s);
  CHECK(pool.refusal_of(pool.retry({1, 2})).retry_after == 4s);
}

TEST_CASE("retries in flight are at most three, or 20 % of what is in flight if that is more") {
  SchedulerFixture pool({.retry = {.attempts_max = 3, .budget_share = 0.2, .budget_min = 3}});
  pool.with(10);
  for (int i = 0; i < 3; ++i) CHECK(pool.endpoint_of(pool.retry({1})) != 0);
  CHECK(pool.refused_for(pool.retry({1})) == "retry_budget");
  for (int i = 0; i < 97; ++i) CHECK(pool.send() != 0);
  int more = 0;
  while (pool.endpoint_of(pool.retry({1})) != 0) ++more;
  CHECK(more + 3 == doctest::Approx(0.2 * pool.scheduler.in_flight()).epsilon(0.05));
}

TEST_CASE("a retry that ended gives its part of the budget back, even when its endpoint was removed meanwhile") {
  SchedulerFixture pool({.retry = {.budget_share = 0, .budget_min = 1}});
  pool.with(3);
  const std::uint32_t first = pool.endpoint_of(pool.retry({1}));
  CHECK(pool.refused_for(pool.retry({1})) == "retry_budget");
  pool.finish(first, {}, Attempt::Retry);
  const std::uint32_t second = pool.endpoint_of(pool.retry({1}));
  REQUIRE(second != 0);
  pool.scheduler.remove_endpoint(EndpointId{second}, pool.now);
  pool.finish(second, {}, Attempt::Retry);
  CHECK(pool.endpoint_of(pool.retry({1})) != 0);
}

TEST_CASE("first attempts take nothing from the retry budget") {
  SchedulerFixture pool({.retry = {.budget_share = 0, .budget_min = 1}});
  pool.with(2);
  for (int i = 0; i < 10; ++i) pool.send();
  CHECK(pool.endpoint_of(pool.retry({1})) == 2);
}

TEST_CASE("a retry never queues and never exceeds a capacity") {
  SchedulerFixture pool;
  pool.put(1);
  pool.put(2, {.capacity = 1});
  CHECK(pool.endpoint_of(pool.retry({1})) == 2);
  CHECK(pool.refused_for(pool.retry({1})) == "queue_full");
  CHECK(pool.scheduler.queued() == 0);
}

TEST_CASE("a retry never goes to a draining endpoint, not even in panic") {
  SchedulerFixture pool;
  pool.with(3);
  pool.scheduler.set_drain(EndpointId{3}, Drain::Yes, pool.now);
  pool.take_down(1);
  pool.take_down(2);
  CHECK(pool.endpoint_of(pool.retry({1})) == 2);
  CHECK(pool.refused_for(pool.retry({1, 2})) == "attempts_exhausted");
}

// Waiting for an endpoint that is being started.

TEST_CASE("without an endpoint a request waits only where one may be on its way") {
  SchedulerFixture fixed;
  CHECK(fixed.refused_for(fixed.arrive()) == "no_endpoint");
  SchedulerFixture scaled(PoolSettings{.queue = {.wait_max = 10s, .without_endpoint = true}});
  CHECK(scaled.is_queued(scaled.arrive()));
  scaled.pass(5s);
  CHECK(scaled.release().empty());
  scaled.put(1);
  const std::vector<Released> released = scaled.release();
  REQUIRE(released.size() == 1);
  CHECK(scaled.endpoint_of(released[0].decision) == 1);
  CHECK(released[0].waited == 5s);
}

TEST_CASE("a request that waits for a first endpoint waits no longer than others") {
  SchedulerFixture pool(PoolSettings{.queue = {.requests_max = 1, .wait_max = 10s, .without_endpoint = true}});
  CHECK(pool.is_queued(pool.arrive()));
  CHECK(pool.refused_for(pool.arrive()) == "queue_full");
  pool.pass(11s);
  const std::vector<Released> released = pool.release();
  REQUIRE(released.size() == 1);
  CHECK(pool.refused_for(released[0].decision) == "queue_timeout");
}

TEST_CASE("a request that lost the last endpoint waits for the next one") {
  SchedulerFixture pool(PoolSettings{.queue = {.without_endpoint = true}, .panic_threshold = 0});
  pool.put(1);
  CHECK(pool.send() == 1);
  pool.finish(1, {.ending = Ending::Reset});
  pool.scheduler.remove_endpoint(EndpointId{1}, pool.now);
  const std::vector<EndpointId> tried = {EndpointId{1}};
  CHECK(pool.is_queued(pool.scheduler.retry({}, tried, pool.now, Attempt::Failover, 7)));
  pool.put(2);
  CHECK(cookies(pool.release()) == std::vector<std::uint64_t>{7});
}
