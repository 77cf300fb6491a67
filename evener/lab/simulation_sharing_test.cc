// An engine with continuous batching against the theory of processor sharing: when a step takes so long for each sequence in it and nothing
// else, every request gets its share of the engine, and what it takes on average depends on the mean length of answers alone. Tolerances
// are three standard deviations of the mean in a run of this length, plus half a per cent for the steps, which are no infinitesimal shares.

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>

#include "evener/lab/summary.h"
#include "evener/lab/workloads.h"

namespace evener::lab {
namespace {

constexpr double Load = 0.8;
constexpr double Requests = 200'000;
constexpr double MeanTokens = 100;
constexpr double TokenAlone_s = 0.01;

template <class DrawLength>
void check_sharing(DrawLength draw_length, double tolerance) {
  const double rate_per_s = Load / (MeanTokens * TokenAlone_s), duration_s = Requests / rate_per_s;
  Workload workload = independent_load({.arrivals = {.stages = {{rate_per_s, duration_s}}}}, 11);
  const Rng rng(7);
  double tokens = 0;
  for (std::uint64_t index = 0; index < workload.requests.size(); ++index) {
    Rng draw = rng.fork(index);
    workload.requests[index].output_tokens = static_cast<std::uint32_t>(std::max(1L, std::lround(draw_length(draw) * MeanTokens)));
    tokens += workload.requests[index].output_tokens;
  }
  const EngineConfig engine{.step = LinearStep{.prefill_tokens_per_s = 1e12, .base_s = 0, .per_sequence_s = TokenAlone_s},
                            .batch_sequences_max = 100'000,
                            .batch_tokens_max = 1'000'000,
                            .kv_blocks = 1'000'000};
  const SimulationResult result = simulate({.endpoints = {{.name = "engine", .engine = engine, .settings = {}}}}, workload);
  const Summary summary = summarise(workload, result, {}, {.from = from_seconds(duration_s / 10)});
  REQUIRE(summary.done == summary.requests);
  // With the work that this run's draws came to: its deviation from the expected one is not the engine's doing.
  const double work_s = tokens * TokenAlone_s / static_cast<double>(workload.requests.size());
  const double exact = work_s / (1 - rate_per_s * work_s);
  MESSAGE("measured ", summary.e2e.mean_s, ", exact ", exact);
  CHECK(std::abs(summary.e2e.mean_s / exact - 1) < tolerance);
}

TEST_CASE("an engine whose steps take as long as they have sequences shares its time, whatever the law of the answers' lengths") {
  check_sharing([](Rng&) { return 1.0; }, 0.045);
  check_sharing([](Rng& rng) { return rng.exponential(1); }, 0.049);
  check_sharing([](Rng& rng) { return rng.uniform() < 0.9 ? rng.exponential(0.5) : rng.exponential(5.5); }, 0.112);
}

}  // namespace
}  // namespace evener::lab
