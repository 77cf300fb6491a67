#include <doctest/doctest.h>

#include <array>

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
