#include "evener/route/policies/maglev_table.h"
#include "evener/route/testing/policy_bench.h"

using namespace evener::route;

EVENER_POLICY_BENCH(Maglev);

namespace {

void build_table(benchmark::State& state, Weights weights) {
  evener::Rng rng(1);
  PoolFixture pool(std::vector<double>{});
  for (std::int64_t i = 0; i < state.range(0); ++i) pool.add(weights == Weights::Equal ? 1.0 : 0.5 + rng.uniform() * 4);
  for (auto _ : state) {
    MaglevTable table;
    table.build(pool.endpoints);
    benchmark::DoNotOptimize(table);
  }
}

}  // namespace

BENCHMARK_CAPTURE(build_table, equal_weights, Weights::Equal)->Arg(8)->Arg(100)->Arg(4000)->Unit(benchmark::kMicrosecond);
BENCHMARK_CAPTURE(build_table, mixed_weights, Weights::Mixed)->Arg(8)->Arg(100)->Arg(4000)->Unit(benchmark::kMicrosecond);
