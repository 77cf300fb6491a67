// One decision of a scaler with target tracking and a predictive floor, at a reading every 15 s.

#include <benchmark/benchmark.h>

#include <memory>

#include "evener/core/rng.h"
#include "evener/route/autoscale/predictive_floor.h"
#include "evener/route/autoscale/scaler.h"
#include "evener/route/autoscale/target_tracking.h"

using namespace evener;
using namespace evener::route::autoscale;

namespace {

void decide(benchmark::State& state) {
  const Target target{.measure = Measure::Arrivals, .per_replica = 10};
  std::vector<std::unique_ptr<Controller>> controllers;
  controllers.push_back(std::make_unique<TargetTracking>(TargetTrackingSettings{.target = target}));
  controllers.push_back(std::make_unique<PredictiveFloor>(PredictiveFloorSettings{.target = target}));
  Scaler scaler({.most = 1000}, std::move(controllers));
  Rng rng(1);
  Reading reading{.ready = 10};
  for (auto _ : state) {
    reading.now += std::chrono::seconds(15);
    reading.arrivals_per_s = 50 + 100 * rng.uniform();
    reading.ready = scaler.decide(reading).desired;
  }
}

}  // namespace

BENCHMARK(decide);
