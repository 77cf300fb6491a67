#include <doctest/doctest.h>

#include <array>
#include <vector>

#include "evener/route/scheduler.h"

using namespace evener;
using namespace evener::route;

namespace {

constexpr Instant Now = Instant{} + std::chrono::seconds(1000);

/// Four endpoints with ten requests each, and no budget for retries at all.
struct LoadedPool {
  LoadedPool() {
    for (std::uint32_t id = 1; id <= 4; ++id) scheduler.put_endpoint(EndpointId{id}, {}, Now);
    for (int i = 0; i < 40; ++i) REQUIRE(std::holds_alternative<Dispatch>(scheduler.arrived({}, Now)));
  }
  Scheduler scheduler{{.retry = {.budget_share = 0, .budget_min = 0}}, 1};
};

}  // namespace

TEST_CASE("when an endpoint dies all its requests go elsewhere, whatever the retry budget") {
  LoadedPool loaded;
  Scheduler& pool = loaded.scheduler;
  const std::array tried = {EndpointId{3}};
  for (int i = 0; i < 10; ++i) {
    pool.finished(EndpointId{3}, {.ending = Ending::Reset}, Scheduler::Attempt::First, Now);
    const Decision again = pool.retry({}, tried, Now, Scheduler::Attempt::Failover);
    REQUIRE(std::holds_alternative<Dispatch>(again));
    CHECK(std::get<Dispatch>(again).endpoint != EndpointId{3});
  }
}

TEST_CASE("a failover that ends gives nothing back to the retry budget") {
  LoadedPool loaded;
  Scheduler& pool = loaded.scheduler;
  const std::array tried = {EndpointId{3}};
  const Decision again = pool.retry({}, tried, Now, Scheduler::Attempt::Failover);
  REQUIRE(std::holds_alternative<Dispatch>(again));
  pool.finished(std::get<Dispatch>(again).endpoint, {}, Scheduler::Attempt::Failover, Now);
  const Decision retry = pool.retry({}, tried, Now, Scheduler::Attempt::Retry);
  REQUIRE(std::holds_alternative<Refusal>(retry));
  CHECK(std::get<Refusal>(retry).reason == RefusalReason::RetryBudget);
}

TEST_CASE("a failover is bounded by the attempts of its request") {
  LoadedPool loaded;
  Scheduler& pool = loaded.scheduler;
  const std::array tried = {EndpointId{3}, EndpointId{1}, EndpointId{2}};
  const Decision again = pool.retry({}, tried, Now, Scheduler::Attempt::Failover);
  REQUIRE(std::holds_alternative<Refusal>(again));
  CHECK(std::get<Refusal>(again).reason == RefusalReason::AttemptsExhausted);
}

namespace {

/// Two endpoints with room for one request each, both busy.
struct FullPool {
  FullPool() {
    for (std::uint32_t id = 1; id <= 2; ++id) scheduler.put_endpoint(EndpointId{id}, {.capacity = 1}, Now);
    for (int i = 0; i < 2; ++i) REQUIRE(std::holds_alternative<Dispatch>(scheduler.arrived({}, Now)));
  }
  /// The request at endpoint 1 is lost and asks for another, with this cookie.
  Decision lose_first(std::uint64_t cookie) {
    scheduler.finished(EndpointId{1}, {.ending = Ending::Reset}, Scheduler::Attempt::First, Now);
    const std::array tried = {EndpointId{1}};
    return scheduler.retry({}, tried, Now, Scheduler::Attempt::Failover, cookie);
  }
  std::vector<Released> release() {
    std::vector<Released> out;
    scheduler.release(out, Now);
    return out;
  }
  Scheduler scheduler{{}, 1};
};

}  // namespace

TEST_CASE("a lost request waits for room at another endpoint than the one that lost it") {
  FullPool pool;
  REQUIRE(std::holds_alternative<Queued>(pool.lose_first(7)));
  CHECK(pool.release().empty());
  pool.scheduler.finished(EndpointId{2}, {}, Scheduler::Attempt::First, Now);
  const std::vector<Released> released = pool.release();
  REQUIRE(released.size() == 1);
  CHECK(released[0].cookie == 7);
  CHECK(std::get<Dispatch>(released[0].decision).endpoint == EndpointId{2});
}

TEST_CASE("the room that a lost request may not use is for those behind it") {
  FullPool pool;
  REQUIRE(std::holds_alternative<Queued>(pool.lose_first(7)));
  const Decision behind = pool.scheduler.arrived({.request = {}, .cookie = 8}, Now);
  const std::vector<Released> released = pool.release();
  if (const auto* dispatch = std::get_if<Dispatch>(&behind)) {
    CHECK(dispatch->endpoint == EndpointId{1});
  } else {
    REQUIRE(released.size() == 1);
    CHECK(released[0].cookie == 8);
  }
  CHECK(pool.scheduler.queued() == 1);
}

TEST_CASE("a lost request is refused when the endpoints it waits for go away") {
  FullPool pool;
  REQUIRE(std::holds_alternative<Queued>(pool.lose_first(7)));
  pool.scheduler.remove_endpoint(EndpointId{2}, Now);
  const std::vector<Released> released = pool.release();
  REQUIRE(released.size() == 1);
  REQUIRE(std::holds_alternative<Refusal>(released[0].decision));
  CHECK(std::get<Refusal>(released[0].decision).reason == RefusalReason::AttemptsExhausted);
}

TEST_CASE("a lost request that nobody can tell, or that finds the queue full, does not wait") {
  FullPool pool;
  CHECK(std::holds_alternative<Refusal>(pool.lose_first(0)));
  FullPool full;
  full.scheduler.configure({.queue = {.requests_max = 0}}, Now);
  CHECK(std::holds_alternative<Refusal>(full.lose_first(7)));
}
