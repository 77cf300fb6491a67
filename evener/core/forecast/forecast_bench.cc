// One step of each standard model and of the bounded bank, at a day of ten-minute steps.

#include <benchmark/benchmark.h>

#include "evener/core/forecast/bounded_forecast.h"
#include "evener/core/rng.h"

using namespace evener;

namespace {

constexpr forecast::SeriesShape Shape{.season = 144, .horizon = 3};

void one_model(benchmark::State& state) {
  auto models = forecast::standard_models(Shape);
  forecast::Forecaster& model = *models[static_cast<std::size_t>(state.range(0))];
  Rng rng(1);
  for (int i = 0; i < 3000; ++i) model.observe(rng.uniform() * 100);
  for (auto _ : state) {
    model.observe(rng.uniform() * 100);
    benchmark::DoNotOptimize(model.forecast());
  }
  state.SetLabel(std::string(model.name()));
}

void bounded_bank(benchmark::State& state) {
  forecast::BoundedForecast bounded(Shape, 0.95);
  Rng rng(1);
  for (int i = 0; i < 3000; ++i) bounded.observe(rng.uniform() * 100);
  for (auto _ : state) {
    bounded.observe(rng.uniform() * 100);
    benchmark::DoNotOptimize(bounded.upper());
  }
}

}  // namespace

BENCHMARK(one_model)->DenseRange(0, 8);
BENCHMARK(bounded_bank);
