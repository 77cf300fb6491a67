#include "evener/route/policies/hash_ring.h"
#include "evener/route/testing/policy_bench.h"

using namespace evener::route;

EVENER_POLICY_BENCH(BoundedHash);

namespace {

void one_endpoint_joins(benchmark::State& state) {
  PoolFixture pool = PoolFixture::equal(static_cast<std::size_t>(state.range(0)));
  HashRing before;
  before.follow(pool.endpoints);
  pool.add(1.0);
  for (auto _ : state) {
    HashRing ring = before;
    ring.follow(pool.endpoints);
    benchmark::DoNotOptimize(ring);
  }
}

}  // namespace

BENCHMARK(one_endpoint_joins)->Arg(8)->Arg(100)->Arg(4000)->Unit(benchmark::kMicrosecond);
