#pragma once
// Scaling plans of the lab: ways to scale a pool by its arrivals that each have one knob, so that they can be tuned on one part of a
// series and held against each other on the rest.

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "evener/lab/fluid_scaling.h"

namespace evener::lab {

enum class PlanKind : std::uint8_t {
  Fixed,       // so many replicas
  Hpa,         // target tracking as Kubernetes has it, at a share of what a replica drains
  Panic,       // panic windows as Knative has them, at such a share
  Backlog,     // arrivals and what waits, at such a share
  Predictive,  // the forecast's bound at a quantile, beside target tracking
};
[[nodiscard]] std::optional<PlanKind> plan_kind(std::string_view name);
[[nodiscard]] std::string_view plan_name(PlanKind kind);
[[nodiscard]] std::span<const std::string_view> plan_names();

struct ScalingPlan {
  PlanKind kind = PlanKind::Hpa;
  double knob = 0.7;                                   // replicas, share or quantile
  Duration stabilisation = std::chrono::seconds(300);  // of shrinking
};

[[nodiscard]] route::autoscale::Scaler make_scaler(const ScalingPlan& plan, const FluidScenario& scenario);
/// Whether the knob means something to its kind.
[[nodiscard]] bool knob_fits(const ScalingPlan& plan);

/// The settings of a kind that tuning tries: its knob, and windows of stabilisation where it has them.
[[nodiscard]] std::vector<ScalingPlan> plans_to_try(PlanKind kind, const RateSeries& series, const FluidScenario& scenario);

struct TunedPlan {
  ScalingPlan plan;
  FluidResult result;
};
/// The plan with the fewest replica-hours among those that violate no more than this share of the training requests; when none keeps it,
/// the one that violates least.
[[nodiscard]] TunedPlan tune(PlanKind kind, const RateSeries& series, const FluidScenario& scenario, double violating_max);

}  // namespace evener::lab
