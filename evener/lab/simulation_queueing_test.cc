// The simulator against exact results of queueing theory: plain servers behind the gateway's policies, and an engine that shares its time.
// Tolerances are three standard deviations of the mean in a run of this length (measured over ten seeds of 10^6 arrivals, times the root of
// 10^6 / arrivals); seeds are fixed, so that a test that passes goes on passing.

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <string>

#include "evener/lab/summary.h"
#include "evener/lab/workloads.h"

namespace evener::lab {
namespace {

struct Times {
  double total_s = 0, waiting_s = 0;  // means, after the first tenth
};

enum class Law { Exponential, Fixed, Hyperexponential };

struct Queue {
  std::uint32_t servers = 1, workers = 1;
  double load = 0.8;  // of all workers
  route::PolicyKind policy = route::PolicyKind::Random;
  Law service = Law::Exponential;
  double requests = 400'000;
};

/// Nine of ten are short, the tenth long: mean 1, E[S^2] = 6.5.
double hyperexponential(Rng& rng) { return rng.uniform() < 0.9 ? rng.exponential(0.5) : rng.exponential(5.5); }

/// Mean service time is one second.
Times run(const Queue& queue) {
  const double rate_per_s = queue.load * queue.servers * queue.workers;
  const double duration_s = queue.requests / rate_per_s;
  Workload workload = independent_load({.arrivals = {.stages = {{rate_per_s, duration_s}}}}, 11);
  ServiceConfig service{.workers = queue.workers, .base_s = 1, .queue_max = 1'000'000};
  if (queue.service == Law::Exponential) service.spread = ServiceConfig::Spread::Exponential;
  if (queue.service == Law::Hyperexponential) {
    service.base_s = 0;
    service.output_token_s = 1e-6;
    const Rng rng(7);
    for (std::uint64_t index = 0; index < workload.requests.size(); ++index) {
      Rng draw = rng.fork(index);
      workload.requests[index].output_tokens = static_cast<std::uint32_t>(std::lround(hyperexponential(draw) * 1e6)) + 1;
    }
  }
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

/// Erlang's C: how probable it is that all of `workers` are busy, with mean service time 1.
double all_busy(std::uint32_t workers, double load) {
  const double offered = load * workers;
  double term = 1, fewer = 0;  // term: offered^k / k!
  for (std::uint32_t k = 0; k < workers; ++k) {
    fewer += term;
    term *= offered / (k + 1);
  }
  const double all = term / (1 - load);
  return all / (fewer + all);
}
double waiting_s(std::uint32_t workers, double load) { return all_busy(workers, load) / (workers * (1 - load)); }

void check(double measured, double exact, double tolerance) {
  MESSAGE("measured ", measured, ", exact ", exact);
  CHECK(std::abs(measured / exact - 1) < tolerance);
}

TEST_CASE("one exponential server takes 1/(mu - lambda) on average") {
  check(run({.load = 0.5}).total_s, 2, 0.017);
  check(run({.load = 0.8}).total_s, 5, 0.043);
  check(run({.load = 0.9}).total_s, 10, 0.09);
  check(run({.load = 0.95}).total_s, 20, 0.137);
}

TEST_CASE("one server makes requests wait as the second moment of its service says") {
  check(run({.load = 0.8, .service = Law::Fixed}).waiting_s, 0.8 * 1 / (2 * 0.2), 0.04);
  check(run({.load = 0.8, .service = Law::Hyperexponential}).waiting_s, 0.8 * 6.5 / (2 * 0.2), 0.12);
}

TEST_CASE("a queue with several workers makes requests wait as Erlang's C formula says") {
  CHECK(all_busy(10, 0.8) == doctest::Approx(0.409180).epsilon(1e-5));
  CHECK(all_busy(4, 0.8) == doctest::Approx(0.596432).epsilon(1e-5));
  check(run({.workers = 4, .load = 0.8}).waiting_s, waiting_s(4, 0.8), 0.052);
  check(run({.workers = 4, .load = 0.95}).waiting_s, waiting_s(4, 0.95), 0.171);
  check(run({.workers = 10, .load = 0.8}).waiting_s, waiting_s(10, 0.8), 0.085);
  check(run({.workers = 16, .load = 0.8}).waiting_s, waiting_s(16, 0.8), 0.085);
}

TEST_CASE("eight servers behind each policy take as long as known") {
  check(run({.servers = 8, .load = 0.7}).total_s, 3.34, 0.03);
  check(run({.servers = 8, .load = 0.9}).total_s, 10.08, 0.06);
  check(run({.servers = 8, .load = 0.7, .policy = route::PolicyKind::RoundRobin}).total_s, 2.06, 0.03);
  check(run({.servers = 8, .load = 0.9, .policy = route::PolicyKind::RoundRobin}).total_s, 5.85, 0.06);
  check(run({.servers = 8, .load = 0.7, .policy = route::PolicyKind::PowerOfTwo}).total_s, 1.70, 0.03);
  check(run({.servers = 8, .load = 0.7, .policy = route::PolicyKind::LeastRequest}).total_s, 1.22, 0.03);
  check(run({.servers = 8, .load = 0.9, .policy = route::PolicyKind::PowerOfTwo}).total_s, 3.11, 0.06);
  check(run({.servers = 8, .load = 0.9, .policy = route::PolicyKind::LeastRequest}).total_s, 2.15, 0.06);
  check(run({.workers = 8, .load = 0.7}).total_s, 1 + waiting_s(8, 0.7), 0.03);
  check(run({.workers = 8, .load = 0.9}).total_s, 1 + waiting_s(8, 0.9), 0.06);
}

/// Mean time with two choices among infinitely many servers.
double two_choices(double load) {
  double sum = 0;
  for (int i = 1; i < 12; ++i) sum += std::pow(load, std::pow(2.0, i) - 2);
  return sum;
}

TEST_CASE("a hundred servers behind two choices come near the limit of infinitely many") {
  CHECK(two_choices(0.9) == doctest::Approx(2.6141).epsilon(1e-4));
  const auto hundred = [](double load) { return run({.servers = 100, .load = load, .policy = route::PolicyKind::PowerOfTwo}).total_s; };
  // What a hundred servers are known to take more than infinitely many: half a per cent, one and seven.
  check(hundred(0.7), two_choices(0.7) * 1.005, 0.03);
  check(hundred(0.9), two_choices(0.9) * 1.011, 0.03);
  check(hundred(0.99), two_choices(0.99) * 1.069, 0.09);
}

TEST_CASE("the number of requests in the system is their rate times their time, whatever the policy") {
  for (const route::PolicyKind policy : {route::PolicyKind::Random, route::PolicyKind::LeastRequest}) {
    const double rate_per_s = 6, duration_s = 2'000;
    const Workload workload = independent_load({.arrivals = {.stages = {{rate_per_s, duration_s}}}}, 3);
    const ServiceConfig service{.base_s = 1, .spread = ServiceConfig::Spread::Exponential};
    const SimulationResult result = simulate(
        {.endpoints = std::vector<SimulatedEndpoint>(8, {.name = "server", .engine = service, .settings = {}}), .pool = {.policy = policy}},
        workload);
    // L by adding up the times between changes, W and lambda by request: two ways to count the same.
    std::vector<std::pair<Duration, int>> changes;
    double spent_s = 0;
    for (const RequestResult& request : result.requests) {
      changes.emplace_back(request.arrival, 1);
      changes.emplace_back(request.finished, -1);
      spent_s += seconds(request.finished - request.arrival);
    }
    std::sort(changes.begin(), changes.end());
    double area_s = 0, inside = 0;
    Duration last{};
    for (const auto& [at, change] : changes) {
      area_s += inside * seconds(at - last);
      inside += change;
      last = at;
    }
    CHECK(inside == 0);
    CHECK(area_s == doctest::Approx(spent_s));
  }
}

}  // namespace
}  // namespace evener::lab
