// Endpoints that fail, start late, slow down for a while or lie behind an uneven network, and APIs that refuse.

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>

#include "evener/lab/summary.h"
#include "evener/lab/testing/fleet.h"

namespace evener::lab {
namespace {

using namespace std::chrono_literals;

SimulatedEndpoint server(double service_s, std::uint32_t workers = 100) {
  return {.name = "server", .engine = ServiceConfig{.workers = workers, .base_s = service_s}, .settings = {}};
}

Workload steady(double rate_per_s, double duration_s) { return independent_load({.arrivals = {.stages = {{rate_per_s, duration_s}}}}, 3); }

TEST_CASE("an endpoint is down for as large a share of the time as its failures say") {
  SimulatedEndpoint failing = server(0.001);
  failing.failures = {.mean_between = 45s, .mean_repair = 5s};
  // Nobody looks at its health: every request finds out for itself.
  const Scenario scenario{.endpoints = {failing}, .pool = {.check = {.enabled = false}, .outlier = {.enabled = false}}};
  const Workload workload = steady(1, 20'000);
  const Summary summary = summarise(workload, simulate(scenario, workload), {});
  CHECK(std::abs(static_cast<double>(summary.failed) / static_cast<double>(summary.requests) / 0.1 - 1) < 0.2);
  CHECK(summary.done + summary.failed == summary.requests);
}

TEST_CASE("when one of two endpoints fails, the other takes over all that no client has seen a part of") {
  SimulatedEndpoint failing = small_engine();
  failing.failures = {.mean_between = 20s, .mean_repair = 20s};
  const Scenario scenario{.endpoints = {failing, small_engine()}, .check_period = 500ms};
  const Workload workload = short_chats(10, 300, 4);
  const SimulationResult result = simulate(scenario, workload);
  CHECK(result.endpoints[0].failures > 3);
  std::uint64_t moved = 0;
  for (const RequestResult& request : result.requests) {
    moved += request.attempts > 1 ? 1 : 0;
    const bool streamed = request.fate == Fate::Failed && request.first_token > Duration::zero();
    CHECK((request.fate == Fate::Done || streamed));
  }
  CHECK(moved > 0);
  CHECK(result.endpoints[0].totals.finished + result.endpoints[1].totals.finished >= workload.requests.size() - 100);
}

TEST_CASE("an endpoint that has not started gets nothing") {
  SimulatedEndpoint late = server(0.01);
  late.joins_at = 60s;
  const Workload workload = steady(10, 120);
  const SimulationResult result = simulate({.endpoints = {server(0.01), late}}, workload);
  CHECK(shares(result, {}, 60s)[1] == 0);
  CHECK(std::abs(shares(result, 61s)[1] - 0.5) < 0.05);
}

TEST_CASE("a straggler is slow in its time and not before or after") {
  SimulatedEndpoint straggler = server(0.01);
  straggler.slowdown = 5;
  straggler.slows_at = 60s;
  straggler.recovers_at = 120s;
  const Workload workload = steady(10, 180);
  const SimulationResult result = simulate({.endpoints = {straggler}}, workload);
  const auto mean = [&](Duration from, Duration to) { return summarise(workload, result, {}, {.from = from, .to = to}).e2e.mean_s; };
  CHECK(std::abs(mean({}, 60s) / 0.01 - 1) < 0.001);
  CHECK(std::abs(mean(60s, 120s) / 0.05 - 1) < 0.01);
  CHECK(std::abs(mean(120s, Duration::max()) / 0.01 - 1) < 0.02);
}

TEST_CASE("jitter lengthens both ways by its mean") {
  SimulatedEndpoint far = server(0.01);
  far.network = 20ms;
  far.jitter = 5ms;
  const Workload workload = steady(10, 2000);
  const Summary summary = summarise(workload, simulate({.endpoints = {far}}, workload), {});
  CHECK(std::abs(summary.e2e.mean_s / 0.04 - 1) < 0.02);
}

TEST_CASE("a request that an API refuses goes to another endpoint, and the API is left alone as long as it asked for") {
  SimulatedEndpoint api{.name = "api", .engine = ExternalConfig{.requests_per_minute = 60}, .settings = {}};
  api.settings.external = {.enabled = true, .spill_over = false};
  const Scenario scenario{.endpoints = {api, server(0.5)}, .pool = {.policy = route::PolicyKind::RoundRobin}};
  const Workload workload = steady(10, 300);
  const SimulationResult result = simulate(scenario, workload);
  const Summary summary = summarise(workload, result, {});
  CHECK(summary.done == summary.requests);
  const double by_api = static_cast<double>(summary.endpoint_requests[0]);
  CHECK(by_api == doctest::Approx(60 + 300).epsilon(0.1));  // a full bucket, then one per second
  const std::uint64_t refused = result.endpoints[0].requests - summary.endpoint_requests[0];
  CHECK(refused < 10);
}

}  // namespace
}  // namespace evener::lab
