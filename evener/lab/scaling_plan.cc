#include "evener/lab/scaling_plan.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <memory>

#include "evener/route/autoscale/backlog.h"
#include "evener/route/autoscale/panic_window.h"
#include "evener/route/autoscale/predictive_floor.h"
#include "evener/route/autoscale/target_tracking.h"

namespace evener::lab {
namespace {

using namespace route::autoscale;

constexpr std::array<std::string_view, 5> Names = {"fixed", "hpa", "panic", "backlog", "predictive"};

/// Under the forecast: target tracking at a share that serves the load which is there.
constexpr double ReactiveShare = 0.8;
/// Of what a replica drains, planned with for the forecast's bound.
constexpr double PlannedShare = 0.9;

Target arrivals(double share, const FluidScenario& scenario) {
  return {.measure = Measure::Arrivals, .per_replica = share * scenario.replica_rate};
}

}  // namespace

std::span<const std::string_view> plan_names() { return Names; }
std::string_view plan_name(PlanKind kind) { return Names[static_cast<std::size_t>(kind)]; }

std::optional<PlanKind> plan_kind(std::string_view name) {
  const auto found = std::find(Names.begin(), Names.end(), name);
  if (found == Names.end()) return std::nullopt;
  return static_cast<PlanKind>(found - Names.begin());
}

bool knob_fits(const ScalingPlan& plan) {
  switch (plan.kind) {
    case PlanKind::Fixed: return plan.knob >= 1 && plan.knob <= ReplicasMax;
    case PlanKind::Predictive: return plan.knob >= 0.5 && plan.knob <= 0.999;
    case PlanKind::Hpa:
    case PlanKind::Panic:
    case PlanKind::Backlog: return plan.knob >= 0.05 && plan.knob <= 1;
  }
  return false;
}

Scaler make_scaler(const ScalingPlan& plan, const FluidScenario& scenario) {
  ScalerSettings settings{.least = 1, .most = ReplicasMax};
  settings.behaviour.down.stabilisation = plan.stabilisation;
  std::vector<std::unique_ptr<Controller>> controllers;
  switch (plan.kind) {
    case PlanKind::Fixed: settings.least = settings.most = static_cast<std::uint32_t>(plan.knob); break;
    case PlanKind::Hpa:
      controllers.push_back(std::make_unique<TargetTracking>(TargetTrackingSettings{.target = arrivals(plan.knob, scenario)}));
      break;
    case PlanKind::Panic:
      settings.behaviour = {};  // Knative has no other brakes
      controllers.push_back(std::make_unique<PanicWindow>(
          PanicWindowSettings{.target = arrivals(plan.knob, scenario), .panic_share = std::max(0.1, seconds(scenario.tick) / 60)}));
      break;
    case PlanKind::Backlog:
      controllers.push_back(std::make_unique<Backlog>(BacklogSettings{.per_replica_per_s = plan.knob * scenario.replica_rate}));
      break;
    case PlanKind::Predictive:
      controllers.push_back(std::make_unique<TargetTracking>(TargetTrackingSettings{.target = arrivals(ReactiveShare, scenario)}));
      controllers.push_back(std::make_unique<PredictiveFloor>(PredictiveFloorSettings{
          .target = arrivals(1, scenario), .share = PlannedShare, .quantile = plan.knob, .startup = scenario.startup}));
      break;
  }
  return {std::move(settings), std::move(controllers)};
}

std::vector<ScalingPlan> plans_to_try(PlanKind kind, const RateSeries& series, const FluidScenario& scenario) {
  std::vector<double> knobs;
  switch (kind) {
    case PlanKind::Fixed: {
      const double peak = series.peak() / scenario.replica_rate;
      for (int tenths = 4; tenths <= 14; ++tenths) knobs.push_back(std::clamp(std::ceil(peak * tenths / 10), 1.0, double{ReplicasMax}));
      break;
    }
    case PlanKind::Predictive: knobs = {0.5, 0.7, 0.8, 0.85, 0.875, 0.9, 0.925, 0.95, 0.96, 0.97, 0.98, 0.99}; break;
    case PlanKind::Hpa:
    case PlanKind::Panic:
    case PlanKind::Backlog:
      for (int percent = 30; percent <= 95; percent += 5) knobs.push_back(percent / 100.0);
      break;
  }
  std::vector<ScalingPlan> plans;
  for (const double knob : knobs) {
    for (const int window_s : {300, 900, 1800, 3600}) {
      plans.push_back({.kind = kind, .knob = knob, .stabilisation = std::chrono::seconds(window_s)});
      if (kind == PlanKind::Fixed || kind == PlanKind::Panic) break;  // they have no use for it
    }
  }
  return plans;
}

TunedPlan tune(PlanKind kind, const RateSeries& series, const FluidScenario& scenario, double violating_max) {
  std::optional<TunedPlan> best;
  const auto better = [violating_max](const FluidScore& a, const FluidScore& b) {
    const bool a_keeps = a.violating_share() <= violating_max, b_keeps = b.violating_share() <= violating_max;
    if (a_keeps != b_keeps) return a_keeps;
    return a_keeps ? a.replica_hours < b.replica_hours : a.violating < b.violating;
  };
  for (const ScalingPlan& plan : plans_to_try(kind, series, scenario)) {
    Scaler scaler = make_scaler(plan, scenario);
    FluidResult result = run_fluid(series, scenario, scaler);
    if (!best || better(result.training, best->result.training)) best = TunedPlan{plan, result};
  }
  return *best;
}

}  // namespace evener::lab
