#pragma once
// One loop for the benchmarks of all policies: choose, count the request as in flight, end an older one. Run at 8, 100 and 4,000 endpoints, of which
// all that a policy may ask for is known: speeds, fresh reports, tokens in flight, and an eighth hold half of the prompt.

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
    endpoint.in_flight_uncached_tokens = rng.below(8000);
    endpoint.in_flight_prompt_tokens = 8000 + rng.below(8000);
    endpoint.speed = {.base_s = 0.05, .prefill_s_per_token = 1e-4 * (1 + rng.uniform()), .step_s = 0.02, .step_s_per_request = 1e-3};
    endpoint.report = LoadReport{.waiting = static_cast<double>(rng.below(4)), .kv_used = rng.uniform()};
    endpoint.foreign_requests = static_cast<double>(rng.below(2));
    pool.cached_tokens.push_back(rng.below(8) == 0 ? 2000 : 0);
  }
  pool.latency_s = 0.6;
  pool.speed = {.base_s = 0.05, .prefill_s_per_token = 1.5e-4, .step_s = 0.02, .step_s_per_request = 1e-3};
  const auto policy = make_policy(kind);
  pool.introduce(*policy);

  std::vector<std::uint32_t> recent(64);
  std::size_t turn = 0;
  PoolView view = pool.view();
  for (auto _ : state) {
    view.now += Duration(1000);
    const std::uint32_t index = policy->choose({.affinity_key = 1 + turn % 10007, .prompt_tokens = 4000, .output_tokens = 200}, view, rng);
    ++pool.endpoints[index].in_flight;
    EndpointView& older = pool.endpoints[recent[turn % recent.size()]];
    if (older.in_flight > 0) --older.in_flight;
    recent[turn++ % recent.size()] = index;
  }
}

}  // namespace evener::route

#define EVENER_POLICY_BENCH(kind)                                                                                \
  BENCHMARK_CAPTURE(bench_policy, equal_weights, evener::route::PolicyKind::kind, evener::route::Weights::Equal) \
      ->Arg(8)                                                                                                   \
      ->Arg(100)                                                                                                 \
      ->Arg(4000);                                                                                               \
  BENCHMARK_CAPTURE(bench_policy, mixed_weights, evener::route::PolicyKind::kind, evener::route::Weights::Mixed) \
      ->Arg(8)                                                                                                   \
      ->Arg(100)                                                                                                 \
      ->Arg(4000)
