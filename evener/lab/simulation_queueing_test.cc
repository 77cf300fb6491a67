// The simulator against exact results of queueing theory: plain servers behind the gateway's policies. Tolerances are three standard
// deviations of the mean in a run of this length (measured over ten seeds of 10^6 arrivals, times the root of 2.5); seeds are fixed, so
// that a test that passes goes on passing.

#include <doctest/doctest.h>

#include <cmath>
#include <string>

#include "evener/lab/summary.h"
#include "evener/lab/workloads.h"

namespace evener::lab {
namespace {

constexpr double Requests = 400'000;

struct Times {
  double total_s = 0, waiting_s = 0;  // means, after the first tenth
};

struct Queue {
  std::uint32_t servers = 1, workers = 1;
  double load = 0.8;  // of all workers
  route::PolicyKind policy = route::PolicyKind::Random;
  ServiceConfig::Spread spread = ServiceConfig::Spread::Exponential;
};

/// Mean service time is one second.
Times run(const Queue& queue) {
  const double rate_per_s = queue.load * queue.servers * queue.workers;
  const double duration_s = Requests / rate_per_s;
  const Workload workload = independent_load({.arrivals = {.stages = {{rate_per_s, duration_s}}}}, 11);
  const ServiceConfig service{.workers = queue.workers, .base_s = 1, .spread = queue.spread, .queue_max = 1'000'000};
  Scenario scenario{.endpoints = std::vector<SimulatedEndpoint>(queue.servers, {.name = "server", .engine = service, .settings = {}}),
                    .pool = {.policy = queue.policy},
                    .seed = 5};
  const SimulationResult result = simulate(scenario, workload);
  const Summary summary = summarise(workload, result, {}, {.from = from_seconds(duration_s / 10)});
  REQUIRE(summary.done == summary.requests);
  // What this run's services took, not their expectation: that leaves only the waiting to chance.
  Duration busy{};
  for (const EndpointResult& endpoint : result.endpoints) busy += endpoint.busy;
  return {.total_s = summary.e2e.mean_s, .waiting_s = summary.e2e.mean_s - seconds(busy) / static_cast<double>(workload.requests.size())};
}

void check(double measured, double exact, double tolerance) {
  MESSAGE("measured ", measured, ", exact ", exact);
  CHECK(std::abs(measured / exact - 1) < tolerance);
}

TEST_CASE("one exponential server takes 1/(mu - lambda) on average") {
  check(run({.load = 0.5}).total_s, 2, 0.017);
  check(run({.load = 0.8}).total_s, 5, 0.043);
  check(run({.load = 0.9}).total_s, 10, 0.09);
}

TEST_CASE("one server with fixed service makes requests wait half as long as an exponential one") {
  check(run({.load = 0.8, .spread = ServiceConfig::Spread::Fixed}).waiting_s, 0.8 / (2 * 0.2), 0.04);
}

TEST_CASE("a queue with several workers makes requests wait as Erlang's C formula says") {
  check(run({.workers = 4, .load = 0.8}).waiting_s, 0.596432 / (4 - 3.2), 0.052);
  check(run({.workers = 10, .load = 0.8}).waiting_s, 0.409180 / (10 - 8), 0.085);
}

TEST_CASE("eight servers behind each policy take as long as known") {
  check(run({.servers = 8, .load = 0.7}).total_s, 3.34, 0.03);
  check(run({.servers = 8, .load = 0.7, .policy = route::PolicyKind::RoundRobin}).total_s, 2.06, 0.03);
  check(run({.servers = 8, .load = 0.7, .policy = route::PolicyKind::PowerOfTwo}).total_s, 1.70, 0.03);
  check(run({.servers = 8, .load = 0.7, .policy = route::PolicyKind::LeastRequest}).total_s, 1.22, 0.03);
  check(run({.servers = 8, .load = 0.9, .policy = route::PolicyKind::PowerOfTwo}).total_s, 3.11, 0.06);
  check(run({.servers = 8, .load = 0.9, .policy = route::PolicyKind::LeastRequest}).total_s, 2.15, 0.06);
}

TEST_CASE("a hundred servers behind two choices come near the limit of infinitely many") {
  check(run({.servers = 100, .load = 0.7, .policy = route::PolicyKind::PowerOfTwo}).total_s, 1.6145, 0.03);
  check(run({.servers = 100, .load = 0.9, .policy = route::PolicyKind::PowerOfTwo}).total_s, 2.6141, 0.03);
}

}  // namespace
}  // namespace evener::lab
