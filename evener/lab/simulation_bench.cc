// How many requests a simulated pool takes per second of one core. Figures and their command: bench/README.md, "How fast the lab is".

#include <benchmark/benchmark.h>
#include <malloc.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <new>
#include <optional>
#include <string>

#include "evener/lab/engine_presets.h"
#include "evener/lab/simulation.h"
#include "evener/lab/trace.h"
#include "evener/lab/workloads.h"

namespace {

/// What the program holds on its heap, and the most that it has held.
struct Heap {
  std::size_t now = 0, most = 0;
} heap;

}  // namespace

void* operator new(std::size_t bytes) {
  void* block = std::malloc(bytes);
  if (block == nullptr) throw std::bad_alloc();
  heap.now += malloc_usable_size(block);
  heap.most = std::max(heap.most, heap.now);
  return block;
}
void operator delete(void* block) noexcept {
  heap.now -= malloc_usable_size(block);
  std::free(block);
}
void operator delete(void* block, std::size_t) noexcept { operator delete(block); }

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

/// The Mooncake conversations, times spread; nothing when EVENER_DATA names no folder that has them.
std::optional<Workload> conversations() {
  const char* folder = std::getenv("EVENER_DATA");
  std::ifstream in(std::string(folder != nullptr ? folder : "../shared/data") + "/mooncake/conversation_trace.jsonl", std::ios::binary);
  const std::string text((std::istreambuf_iterator<char>(in)), std::istreambuf_iterator<char>());
  if (text.empty()) return std::nullopt;
  Trace trace = read_mooncake_trace(text, "conversation_trace.jsonl").trace;
  Rng rng(1);
  spread_equal_times(trace, rng);
  return workload_of(trace);
}

/// The public trace, engine blocks of 512 tokens. Memory is the most that a run holds beyond the workload and what it would take for no request.
void mooncake_conversations(benchmark::State& state, route::PolicyKind policy) {
  const auto workload = conversations();
  if (!workload) {
    state.SkipWithError("EVENER_DATA names no folder with mooncake/conversation_trace.jsonl");
    return;
  }
  const Scenario scenario = eight("h100x2-32b-coarse", policy);
  run(state, scenario, *workload);
  const auto most_bytes = [&](const Workload& load) {
    heap.most = heap.now;
    const std::size_t before = heap.now;
    benchmark::DoNotOptimize(simulate(scenario, load).end);
    return static_cast<double>(heap.most - before);
  };
  const double bytes = most_bytes(*workload) - most_bytes({});
  state.counters["bytes_per_request"] = bytes / static_cast<double>(workload->requests.size());
}
BENCHMARK_CAPTURE(mooncake_conversations, least_request, route::PolicyKind::LeastRequest)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(mooncake_conversations, balanced, route::PolicyKind::Balanced)->Unit(benchmark::kMillisecond);

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
