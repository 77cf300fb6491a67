#pragma once
// One loop for the benchmarks of all policies: choose, count the request as in flight, end an older one. Run at 8, 100 and 4,000 endpoints.

#include <benchmark/benchmark.h>

#include <cstdint>
#include <vector>

#include "evener/route/policy.h"
#include "evener/route/testing/pool_fixture.h"

namespace evener::route {

enum class Weights : std::uint8_t { Equal, Mixed };

inline void bench_policy(benchmark::State& state, PolicyKind kind, Weights weights) {
  const auto endpoints = static_cast<std::size_t>(state.range(0));
  Rng rng(1);
  PoolFixture pool(std::vector<double>{});
  for (std::size_t i = 0; i < endpoints; ++i) pool.add(weights == Weights::Equal ? 1.0 : 0.5 + rng.uniform() * 4);
  for (EndpointView& endpoint : pool.endpoints) {
    endpoint.in_flight = static_cast<std::uint32_t>(rng.below(8));
    endpoint.latency_s = 0.1 + rng.uniform();
  }
  pool.latency_s = 0.6;
  const auto policy = make_policy(kind);
  pool.introduce(*policy);

  std::vector<std::uint32_t> recent(64);
  std::size_t turn = 0;
  for (auto _ : state) {
    pool.now += Duration(1000);
    const std::uint32_t index = policy->choose({.affinity_key = 1 + turn % 10007}, pool.view(), rng);
    ++pool.endpoints[index].in_flight;
    EndpointView& older = pool.endpoints[recent[turn % recent.size()]];
    if (older.in_flight > 0) --older.in_flight;
    recent[turn++ % recent.size()] = index;
  }
}

}  // namespace evener::route

#define EVENER_POLICY_BENCH(kind)                                                                                              \
  BENCHMARK_CAPTURE(bench_policy, equal_weights, evener::route::PolicyKind::kind, evener::route::Weights::Equal)               \
      ->Arg(8)->Arg(100)->Arg(4000);                                                                                           \
  BENCHMARK_CAPTURE(bench_policy, mixed_weights, evener::route::PolicyKind::kind, evener::route::Weights::Mixed)               \
      ->Arg(8)->Arg(100)->Arg(4000)
