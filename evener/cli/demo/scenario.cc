#include "evener/cli/demo/scenario.h"

#include <fmt/format.h>

#include <numeric>

namespace evener::cli::demo {
namespace {

// Twice as strong = half the time per request at a full batch, from a larger batch and from shorter steps; capacity_per_s() says about 33,
// 16 and 8 requests per second.
DemoEngine strong(std::string name) {
  return {.name = std::move(name),
          .strength = 4,
          .batch = 12,
          .step = {.prefill_tokens_per_s = 30'000, .base_s = 0.012, .per_sequence_s = 0.0006}};
}
DemoEngine middle(std::string name) {
  return {.name = std::move(name),
          .strength = 2,
          .batch = 8,
          .step = {.prefill_tokens_per_s = 20'000, .base_s = 0.018, .per_sequence_s = 0.0012}};
}
DemoEngine weak(std::string name) {
  return {.name = std::move(name),
          .strength = 1,
          .batch = 5,
          .step = {.prefill_tokens_per_s = 10'000, .base_s = 0.024, .per_sequence_s = 0.0020}};
}

double mean(load::TokenRange range) { return (static_cast<double>(range.min) + static_cast<double>(range.max)) / 2; }

}  // namespace

Scenario make_scenario() {
  Scenario scenario;
  scenario.engines = {strong("strong"), middle("middle-1"), middle("middle-2"), middle("slow"),
                      weak("weak-1"),   weak("weak-2"),     weak("weak-3"),     weak("weak-4")};
  scenario.strong = 0;
  scenario.victim = 2;  // without it the others have to work at 89 %, which they can; without the strong one they could not
  scenario.slow = 3;
  scenario.engines[scenario.slow].slow = 2;
  scenario.input_tokens = {.min = 32, .max = 256};
  scenario.output_tokens = {.min = 8, .max = 24};
  return scenario;
}

double capacity_per_s(const DemoEngine& engine, const Scenario& scenario) {
  // A request's part of the engine's time: its prompt, and for each token of its answer its own cost and its part of the step's.
  const double per_token_s = engine.step.base_s / engine.batch + engine.step.per_sequence_s;
  const double request_s = mean(scenario.input_tokens) / engine.step.prefill_tokens_per_s + mean(scenario.output_tokens) * per_token_s;
  return 1 / (request_s * engine.slow);
}

double fleet_capacity_per_s(const Scenario& scenario) {
  return std::accumulate(scenario.engines.begin(), scenario.engines.end(), 0.0,
                         [&](double sum, const DemoEngine& engine) { return sum + capacity_per_s(engine, scenario); });
}

double rate_per_s(const Scenario& scenario) { return scenario.utilisation * fleet_capacity_per_s(scenario); }

std::vector<engine::EngineOptions> engine_options(const Scenario& scenario) {
  std::vector<engine::EngineOptions> all;
  for (const DemoEngine& engine : scenario.engines) {
    engine::EngineOptions options;
    options.name = engine.name;
    options.models = {ModelName};
    options.config.step = engine.step;
    options.config.batch_sequences_max = engine.batch;
    options.faults.slow = engine.slow;
    all.push_back(std::move(options));
  }
  return all;
}

load::LoadOptions load_options(const Scenario& scenario, const std::string& url, Duration duration, std::uint64_t seed) {
  load::LoadOptions options;
  options.url = url;
  options.model = ModelName;
  options.workload = {.arrival = load::OpenLoop{.rate_per_s = rate_per_s(scenario)},
                      .input_tokens = scenario.input_tokens,
                      .output_tokens = scenario.output_tokens,
                      .seed = seed};
  options.duration = duration;
  options.request_timeout = std::chrono::seconds(60);
  // On an idle engine the slowest first token takes some 100 ms and a token 50 ms: a request that misses these has waited for others.
  options.objectives = {.ttft_max = std::chrono::milliseconds(250), .tpot_max = std::chrono::milliseconds(75), .e2e_max = {}};
  return options;
}

Timetable timetable(unsigned seconds) {
  const Duration whole = std::chrono::seconds(seconds);
  const Duration live = whole / 2;
  return {.live = live, .hang_at = live * 3 / 10, .revive_at = live * 65 / 100, .compare = whole * 3 / 10};
}

}  // namespace evener::cli::demo
