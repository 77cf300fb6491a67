// How fast the engine model runs in virtual time. On one core of a shared 2-core VM, RelWithDebInfo: 27 M steps/s with one sequence, 61 M
// tokens/s with 128, 144 k requests/s with prompts of 7,200 tokens from the prefix cache.

#include <benchmark/benchmark.h>

#include "evener/core/rng.h"
#include "evener/lab/engine_model.h"
#include "evener/lab/engine_presets.h"

namespace evener::lab {
namespace {

/// Steps per second of an engine that always has `range` sequences in decode.
void decode_steps(benchmark::State& state) {
  EngineModel engine(find_engine_preset("h100-8b")->config);
  Rng rng(1);
  SequenceId id = 0;
  const auto refill = [&] {
    while (engine.gauges().running + engine.gauges().waiting < static_cast<std::uint32_t>(state.range(0))) {
      engine.submit({.id = ++id, .prompt_tokens = static_cast<std::uint32_t>(100 + rng.below(400)), .output_tokens = static_cast<std::uint32_t>(100 + rng.below(200))});
    }
  };
  std::uint64_t tokens = 0;
  for (auto _ : state) {
    refill();
    tokens += engine.step().emissions.size();
  }
  state.SetItemsProcessed(static_cast<std::int64_t>(tokens));
}
BENCHMARK(decode_steps)->Arg(1)->Arg(16)->Arg(128);

/// Requests with 7,200-token prompts, most of them found in the prefix cache, in blocks of 16 tokens.
void cached_prefills(benchmark::State& state) {
  EngineModel engine(find_engine_preset("h100-8b")->config);
  std::vector<std::uint64_t> hashes;
  for (std::uint64_t i = 0; i < 450; ++i) hashes.push_back(splitmix64(i));
  SequenceId id = 0;
  for (auto _ : state) {
    hashes.back() = splitmix64(++id);
    engine.submit({.id = id, .prompt_tokens = 7200, .output_tokens = 1, .block_hashes = hashes});
    while (!engine.idle()) benchmark::DoNotOptimize(engine.step().duration);
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(cached_prefills);

}  // namespace
}  // namespace evener::lab
