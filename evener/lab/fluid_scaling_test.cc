#include "evener/lab/fluid_scaling.h"

#include <doctest/doctest.h>

#include "evener/lab/scaling_plan.h"
#include "tests/data_folder.h"

namespace evener::lab {
namespace {

using std::chrono::minutes;
using std::chrono::seconds;

RateSeries constant(double rate, std::size_t steps) { return {.step = minutes(10), .rates = std::vector<double>(steps, rate)}; }

FluidResult run(const RateSeries& series, const FluidScenario& scenario, const ScalingPlan& plan) {
  auto scaler = make_scaler(plan, scenario);
  return run_fluid(series, scenario, scaler);
}

}  // namespace

TEST_CASE("a fixed pool pays for its replicas and a clairvoyant for those that the load needs") {
  const FluidResult result = run(constant(95, 13), {.replica_rate = 10, .noise = 0}, {.kind = PlanKind::Fixed, .knob = 12});
  CHECK(result.scored.hours == doctest::Approx(1));
  // It starts with 14 (95 at 70 % of 10) and gives two up after the first tick.
  CHECK(result.scored.replica_hours == doctest::Approx(12));
  CHECK(result.training.peak == 14);
  CHECK(result.scored.clairvoyant_hours == doctest::Approx(10));
  CHECK(result.scored.over_clairvoyant() == doctest::Approx(1.2));
  CHECK(result.scored.violation_minutes == 0);
  CHECK(result.scored.requests == doctest::Approx(95 * 3600));
}

TEST_CASE("what a pool cannot drain waits, and ticks violate from the moment that the wait is too long") {
  // 8 replicas drain 80 of 100 per second: after one tick 300 wait, 3.75 s; after two 600, 7.5 s.
  const FluidResult result = run(constant(100, 4), {.replica_rate = 10, .noise = 0, .training = 0}, {.kind = PlanKind::Fixed, .knob = 8});
  CHECK(result.scored.violation_minutes == doctest::Approx(30 - 2 * 0.25));  // the first tick still has 15 replicas
  CHECK(result.scored.violating_share() == doctest::Approx(118.0 / 120));
}

TEST_CASE("a replica that starts is paid for and drains nothing until it serves") {
  RateSeries series = constant(50, 4);
  series.rates[2] = series.rates[3] = 500;
  const FluidScenario quick{.replica_rate = 10, .startup = seconds(15), .noise = 0, .training = 0};
  FluidScenario slow = quick;
  slow.startup = minutes(10);
  const ScalingPlan plan{.kind = PlanKind::Hpa, .knob = 0.7};
  CHECK(run(series, quick, plan).scored.violation_minutes < 1);
  CHECK(run(series, slow, plan).scored.violation_minutes > 5);
}

TEST_CASE("all scalers meet the same load, and another seed is another load") {
  const RateSeries series = constant(50, 20);
  FluidScenario scenario{.replica_rate = 10};
  const double load = run(series, scenario, {.kind = PlanKind::Hpa, .knob = 0.7}).scored.requests;
  CHECK(run(series, scenario, {.kind = PlanKind::Fixed, .knob = 3}).scored.requests == load);
  scenario.seed = 2;
  CHECK(run(series, scenario, {.kind = PlanKind::Fixed, .knob = 3}).scored.requests != load);
}

TEST_CASE("tuning takes the cheapest that keeps the limit, and the least bad when none does") {
  RateSeries series = constant(50, 100);
  const FluidScenario scenario{.replica_rate = 10, .noise = 0.1};
  const TunedPlan kept = tune(PlanKind::Fixed, series, scenario, 0.001);
  CHECK(kept.plan.knob == 6);  // with 5 every load above the mean would wait
  CHECK(kept.result.training.violating_share() <= 0.001);
  series.rates[20] = 5000;
  CHECK(tune(PlanKind::Hpa, series, scenario, 0).plan.knob == doctest::Approx(0.3));
}

TEST_CASE("a knob means replicas, a quantile or a share") {
  CHECK(knob_fits({.kind = PlanKind::Fixed, .knob = 12}));
  CHECK(!knob_fits({.kind = PlanKind::Fixed, .knob = 0}));
  CHECK(knob_fits({.kind = PlanKind::Predictive, .knob = 0.95}));
  CHECK(!knob_fits({.kind = PlanKind::Predictive, .knob = 0.3}));
  CHECK(!knob_fits({.kind = PlanKind::Hpa, .knob = 1.2}));
  CHECK(plan_kind("predictive") == PlanKind::Predictive);
  CHECK(!plan_kind("clairvoyant"));
}

TEST_CASE("on rates of language models the forecast needs fewer replicas and violates less than the best-tuned target tracking") {
  const auto text = read_data_file("servegen/servegen_rates_10min.csv");
  if (!text) return;
  const auto reading = read_rate_series(*text, "servegen", "m_small_rps");
  REQUIRE(reading);
  const RateSeries& series = reading->series;
  const FluidScenario scenario{.replica_rate = series.mean() / 10};
  const FluidScore hpa = run(series, scenario, {.kind = PlanKind::Hpa, .knob = 0.75}).scored;
  const FluidScore predictive = run(series, scenario, {.kind = PlanKind::Predictive, .knob = 0.8}).scored;
  CHECK(predictive.replica_hours <= hpa.replica_hours);
  CHECK(predictive.violation_minutes <= hpa.violation_minutes / 2);
}

}  // namespace evener::lab
