// How many requests a simulated pool takes per second of one core. On a shared 2-core VM, RelWithDebInfo, 8 endpoints and least request:
// 250 k/s with engine blocks of 512 tokens; 28 k/s with blocks of 16, of which each prompt has 450.

#include <benchmark/benchmark.h>

#include "evener/lab/engine_presets.h"
#include "evener/lab/simulation.h"
#include "evener/lab/workloads.h"

namespace evener::lab {
namespace {

Scenario eight(const char* preset, route::PolicyKind policy) {
  return {.endpoints = std::vector<SimulatedEndpoint>(8, {.name = preset, .engine = find_engine_preset(preset)->config, .settings = {}}),
          .pool = {.policy = policy},
          .reports = ReportLine{.period = std::chrono::seconds(1)}};
}

void run(benchmark::State& state, const Scenario& scenario, const Workload& workload) {
  for (auto _ : state) benchmark::DoNotOptimize(simulate(scenario, workload).end);
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(workload.requests.size()));
}

/// Long prompts and 343 tokens of answer, as in the Mooncake conversations; engine blocks of 512 tokens.
void coarse_blocks(benchmark::State& state) {
  const Workload workload = session_load({.arrivals = {.stages = {{0.85, 3600}}},
                                          .turns_mean = 4,
                                          .first_input = {.shape = LengthLaw::Shape::LogNormal, .mean = 6000, .spread = 1.5, .max = 60'000},
                                          .next_input = {.shape = LengthLaw::Shape::LogNormal, .mean = 4000, .spread = 1.5, .max = 60'000},
                                          .output = {.shape = LengthLaw::Shape::Exponential, .mean = 343, .max = 2000}},
                                         1);
  run(state, eight("h100x2-32b-coarse", route::PolicyKind::LeastRequest), workload);
}
BENCHMARK(coarse_blocks)->Unit(benchmark::kMillisecond);

/// Prompts of 7,200 tokens in blocks of 16, answers of 1,000.
void fine_blocks(benchmark::State& state) {
  const Workload workload = shared_prefix_load({.arrivals = {.stages = {{20, 100}}}}, 1);
  run(state, eight("h100x2-32b", route::PolicyKind::LeastRequest), workload);
}
BENCHMARK(fine_blocks)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace evener::lab
