// Endpoints of unequal strength, price and distance: which requests go where.

#include <doctest/doctest.h>

#include <utility>
#include <vector>

#include "evener/lab/summary.h"
#include "evener/lab/testing/fleet.h"

namespace evener::lab {
namespace {

using namespace std::chrono_literals;

constexpr std::uint32_t Heavy = 6000;

/// Four in five are chats of 200 tokens, the others bring 6,000.
Workload light_and_heavy(double rate_per_s, double duration_s, std::uint64_t seed) {
  Workload workload = independent_load({.arrivals = {.stages = {{rate_per_s, duration_s}}},
                                        .input = {.mean = 200},
                                        .output = {.shape = LengthLaw::Shape::Exponential, .mean = 100, .max = 400}},
                                       seed);
  Rng rng(seed);
  for (WorkloadRequest& request : workload.requests) {
    if (rng.below(5) == 0) request.input_tokens = Heavy;
  }
  return workload;
}

/// Of each kind of request: the share that one endpoint got, and the wait for the first token anywhere. The first tenth is left out, in which
/// speeds are learned.
struct Spread {
  double heavy_share = 0, light_share = 0;
  Quantiles heavy_ttft, light_ttft;
};

Spread spread_of(const Workload& workload, const SimulationResult& result, std::uint32_t endpoint) {
  std::vector<double> heavy, light;
  Spread spread;
  for (std::size_t i = workload.requests.size() / 10; i < workload.requests.size(); ++i) {
    const RequestResult& one = result.requests[i];
    const bool is_heavy = workload.requests[i].input_tokens == Heavy;
    (is_heavy ? heavy : light).push_back(seconds(one.first_token - one.arrival));
    if (one.endpoint == endpoint) (is_heavy ? spread.heavy_share : spread.light_share) += 1;
  }
  spread.heavy_share /= static_cast<double>(heavy.size());
  spread.light_share /= static_cast<double>(light.size());
  spread.heavy_ttft = quantiles_of(std::move(heavy));
  spread.light_ttft = quantiles_of(std::move(light));
  return spread;
}

}  // namespace

TEST_CASE("heavy requests go to the strong endpoint and have their first token in half the time of least request") {
  Scenario scenario{.endpoints = std::vector(4, preset_engine("l4-8b"))};
  scenario.endpoints.insert(scenario.endpoints.begin(), preset_engine("h100-8b"));
  const Workload workload = light_and_heavy(12, 50, 1);
  const auto run = [&](route::PolicyKind policy) {
    scenario.pool.policy = policy;
    return spread_of(workload, simulate(scenario, workload), 0);
  };
  const Spread balanced = run(route::PolicyKind::Balanced), by_count = run(route::PolicyKind::LeastRequest);
  CHECK(balanced.heavy_share > 0.8);
  CHECK(balanced.heavy_ttft.mean_s < 0.5 * by_count.heavy_ttft.mean_s);
}

TEST_CASE("where tiers are told light requests leave the strong endpoint to heavy ones, which have their first token no later for it") {
  Scenario scenario{.endpoints = std::vector(4, preset_engine("l4-8b")), .reports = ReportLine{}};
  scenario.endpoints.insert(scenario.endpoints.begin(), preset_engine("h100-8b"));
  const Workload workload = light_and_heavy(12, 100, 1);
  scenario.pool.policy = route::PolicyKind::Balanced;
  const auto run = [&](double tier) {
    scenario.endpoints[0].settings.tier = tier;
    return spread_of(workload, simulate(scenario, workload), 0);
  };
  const Spread told = run(10), untold = run(1);
  CHECK(untold.light_share > 0.9);
  CHECK(told.light_share < 0.2);
  CHECK(told.heavy_share > 0.9);
  CHECK(told.heavy_ttft.mean_s < untold.heavy_ttft.mean_s);
  CHECK(told.light_ttft.p99_s < 0.5);
}

TEST_CASE("latency-critical requests prefer the near endpoint while it meets their deadline, heavy ones the far strong ones") {
  const auto run = [](double rate_per_s, route::PolicyKind policy) {
    SimulatedEndpoint edge = preset_engine("rtx4090-8b"), cloud = preset_engine("h100-8b");
    edge.network = 2ms;
    edge.settings.network_s = 0.002;
    cloud.network = 90ms;
    cloud.settings.network_s = 0.09;
    Scenario scenario{.endpoints = {edge, cloud, cloud}};
    scenario.pool.policy = policy;
    Workload workload = light_and_heavy(rate_per_s, 600 / rate_per_s, 1);
    for (WorkloadRequest& request : workload.requests) {
      if (request.input_tokens == Heavy) continue;
      request.output_tokens = 8;  // it classifies
      request.priority = route::Priority::Realtime;
      request.first_token_objective = 150ms;
    }
    return spread_of(workload, simulate(scenario, workload), 0);
  };
  for (const double rate_per_s : {2.0, 10.0}) {
    CAPTURE(rate_per_s);
    const Spread near = run(rate_per_s, route::PolicyKind::Balanced);
    CHECK(near.light_share > 0.9);
    CHECK(near.heavy_share < 0.1);
    CHECK(near.light_ttft.p95_s < 0.15);
  }
  // More than the edge can do in time: the rest goes far.
  const Spread busy = run(60, route::PolicyKind::Balanced);
  CHECK(busy.light_share > 0.5);
  CHECK(busy.light_share < 0.9);
  CHECK(busy.heavy_share < 0.05);
}

}  // namespace evener::lab
