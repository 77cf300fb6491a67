#include "evener/lab/work_bound.h"

#include <doctest/doctest.h>

#include "evener/lab/engine_presets.h"
#include "evener/lab/summary.h"
#include "evener/lab/workloads.h"
#include "tests/for_each_seed.h"

namespace evener::lab {
namespace {

using namespace std::chrono_literals;

SimulatedEndpoint replica(std::uint64_t identity) {
  SimulatedEndpoint endpoint{.name = "l4", .engine = find_engine_preset("l4-8b")->config, .settings = {}};
  endpoint.settings.identity = identity;
  return endpoint;
}

Workload load(double rate, std::uint64_t seed) {
  Workload workload = independent_load({.arrivals = {.stages = {{.rate_per_s = rate, .duration_s = 60}}, .cv = 1},
                                        .input = {.shape = LengthLaw::Shape::Exponential, .mean = 1500},
                                        .output = {.shape = LengthLaw::Shape::Exponential, .mean = 150}},
                                       seed);
  set_objectives(workload, 2s, 100ms);
  return workload;
}

}  // namespace

TEST_CASE("no pool does better than the bound says, whatever the load") {
  for_each_seed(12, [](Rng& rng) {
    const Workload workload = load(1 + 8 * rng.uniform(), rng.next());
    const auto replicas = 1 + rng.below(3);
    Scenario scenario;
    for (std::uint64_t i = 0; i < replicas; ++i) scenario.endpoints.push_back(replica(i + 1));
    const Summary summary = summarise(workload, simulate(scenario, workload), {});
    const auto parts = part_max(replica(1), work_needed(workload, summary.good_share()));
    for (const double part : parts) CHECK(part * static_cast<double>(replicas) >= 1);
  });
}

TEST_CASE("twice the load needs about twice the replicas") {
  const auto part = [](double rate) { return part_max(replica(1), work_needed(load(rate, 1), 1)); };
  CHECK(part(40)[0] / part(80)[0] == doctest::Approx(2).epsilon(.15));
  CHECK(part(1)[1] == 1);
}

TEST_CASE("nothing is bounded where later turns wait for earlier ones, or without objectives") {
  Workload sessions = session_load({}, 1);
  set_objectives(sessions, 2s, 100ms);
  CHECK(part_max(replica(1), work_needed(sessions, 1)) == std::array<double, 2>{1, 1});
  Workload untimed = load(40, 1);
  for (WorkloadRequest& request : untimed.requests) request.first_token_objective = request.token_objective = {};
  CHECK(part_max(replica(1), work_needed(untimed, 1)) == std::array<double, 2>{1, 1});
}

TEST_CASE("a shared prefix may be cached and is no work") {
  Workload workload = load(40, 1);
  const double before = work_needed(workload, 1).tokens[0];
  workload.block_tokens = 16;
  for (WorkloadRequest& request : workload.requests) {
    request.first_block = static_cast<std::uint32_t>(workload.block_ids.size());
    request.blocks = request.input_tokens >= 16 ? 1 : 0;
    if (request.blocks > 0) workload.block_ids.push_back(7);
  }
  CHECK(work_needed(workload, 1).tokens[0] < before);
}

}  // namespace evener::lab
