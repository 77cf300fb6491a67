// Holds the lab against a published comparison of routers on shared prefixes (llm-d-kv-cache, 73 % of the caches' capacity), a quarter of it: two
// of the eight replicas, as many of the prompts, stages at low, middle and high load. `./dev bench models` runs the whole tables.

#include <doctest/doctest.h>

#include <string>

#include "evener/lab/engine_presets.h"
#include "evener/lab/summary.h"
#include "evener/lab/workloads.h"

namespace evener::lab {
namespace {

/// Output tokens per second over all stages.
double output_rate(const route::PoolSettings& pool) {
  constexpr std::uint32_t Replicas = 2;
  const Workload workload =
      shared_prefix_load({.arrivals = {.stages = {{15.0 / 4, 50}, {20.0 / 4, 38}, {40.0 / 4, 38}, {60.0 / 4, 25}}}, .groups = 38}, 1);
  const Scenario scenario{.endpoints = std::vector<SimulatedEndpoint>(
                              Replicas, {.name = "replica", .engine = find_engine_preset("h100x2-32b")->config, .settings = {}}),
                          .pool = pool,
                          .reports = ReportLine{.period = std::chrono::milliseconds(50)},
                          .content_block_tokens = 16};
  const Summary summary = summarise(workload, simulate(scenario, workload), {});
  CHECK(summary.done == workload.requests.size());
  return summary.output_tokens_per_s();
}

route::PoolSettings composed(std::vector<route::ScorerSettings> scorers) {
  return {.policy = route::PolicyKind::Composed, .composition = {.scorers = std::move(scorers)}};
}

TEST_CASE("on shared prefixes the policy that looks at caches outdoes load and chance, as published") {
  using enum route::ScorerKind;
  const double precise = output_rate({.policy = route::PolicyKind::Blend});
  const double load = output_rate(composed({{Queue, 2}, {KvFree, 2}}));
  const double random = output_rate({.policy = route::PolicyKind::Random});
  MESSAGE("output tokens per second: precise ", precise, ", load ", load, ", random ", random);
  CHECK(precise > 1.2 * load);
  CHECK(precise > 1.2 * random);
}

}  // namespace
}  // namespace evener::lab
