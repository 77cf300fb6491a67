// Several gateways in front of the same endpoints: each counts its own requests alone and hears of the others' by reports that are old.

#include <doctest/doctest.h>

#include <algorithm>

#include "evener/lab/summary.h"
#include "evener/lab/testing/fleet.h"

namespace evener::lab {
namespace {

using namespace std::chrono_literals;

Scenario eight_engines(route::PolicyKind policy, std::uint32_t gateways) {
  Scenario scenario{.endpoints = std::vector(8, small_engine()), .gateways = gateways, .reports = ReportLine{.period = 1s, .delay = 500ms}};
  scenario.pool.policy = policy;
  return scenario;
}

}  // namespace

TEST_CASE("each gateway counts its own requests: a capacity of one admits one from each") {
  SimulatedEndpoint endpoint{.name = "server", .engine = ServiceConfig{.workers = 8, .base_s = 10}, .settings = {.capacity = 1}};
  Workload workload;
  for (int i = 0; i < 20; ++i) workload.requests.push_back({.at = 0s});
  const auto at_once = [&](std::uint32_t gateways) {
    const SimulationResult result = simulate({.endpoints = {endpoint}, .gateways = gateways}, workload);
    return std::count_if(result.requests.begin(), result.requests.end(),
                         [](const RequestResult& one) { return one.fate == Fate::Done && one.dispatched == 0s; });
  };
  CHECK(at_once(1) == 1);
  CHECK(at_once(2) == 2);
  CHECK(at_once(4) == 4);
}

TEST_CASE(
    "one gateway or sixteen with old reports: the default crowds no endpoint, and nobody waits longer than with power of two choices") {
  const Workload workload = short_chats(150, 60, 1);
  const auto run = [&](route::PolicyKind policy, std::uint32_t gateways) { return simulate(eight_engines(policy, gateways), workload); };
  const auto ttft = [&](const SimulationResult& result) { return summarise(workload, result, {}).ttft; };
  const SimulationResult alone = run(route::PolicyKind::Balanced, 1), sixteen = run(route::PolicyKind::Balanced, 16);
  const Quantiles drawn = ttft(run(route::PolicyKind::PowerOfTwo, 16));
  CHECK(crowding(alone) < 1.5);
  CHECK(crowding(sixteen) < 1.75);
  CHECK(ttft(alone).mean_s < 0.8 * drawn.mean_s);
  CHECK(ttft(sixteen).mean_s < 1.05 * drawn.mean_s);
  CHECK(ttft(sixteen).p99_s < 1.1 * drawn.p99_s);
  // What herding looks like: a policy that follows the latest reports of queues and memory.
  CHECK(crowding(run(route::PolicyKind::Blend, 16)) > 2);
}

}  // namespace evener::lab
