#pragma once
// The search behind `evener lab plan`: for each policy the cheapest fleet that meets the service level, every try a few simulated runs, bounded in runs
// and in time.

#include <chrono>
#include <functional>

#include "evener/cli/lab_fleet.h"
#include "evener/cli/lab_objective.h"

namespace evener::cli {

struct PlanLimits {
  std::uint64_t runs_max = 600;
  std::chrono::steady_clock::duration time_max = std::chrono::minutes(10);
};

/// A fleet that was simulated: means over the seeds.
struct PlanTry {
  std::size_t policy = 0;  // index
  lab::Fleet fleet;
  double price = 0;  // per hour
  RunFigures figures;
  bool met = false;
};

struct PolicyPlan {
  route::PolicyKind policy{};
  std::optional<lab::Fleet> cheapest;
  std::uint64_t undecided = 0;  // cheaper fleets that nothing is known of
};

struct Plan {
  std::vector<PolicyPlan> policies;
  std::vector<PlanTry> tries;  // in order
  std::uint64_t runs = 0, fleets = 0;
  bool interrupted = false, out_of_time = false, out_of_runs = false;
};

struct PlanQuestion {
  const Experiment& experiment;
  const std::vector<LabKind>& kinds;
  ServiceLevel level;
  double load = 1;
  std::uint64_t seed = 1, seeds = 3;
  PlanLimits limits;
};

using RunHeard = std::function<void(const LabRun& run, const RunFigures& figures)>;
/// Searches, and then tries fleets a little richer than each cheapest, so that it shows what more money buys. `heard` is told of every run.
[[nodiscard]] Plan search_plan(const PlanQuestion& question, const LabWorkers& workers, const RunHeard& heard);

/// Of the tries of a policy those that no other beats in both price and the figure, cheapest first. Fleets that lost more than a hundredth of the requests
/// are left out: their latencies are those of what they took.
[[nodiscard]] std::vector<std::size_t> frontier_of(const Plan& plan, std::size_t policy, lab::Figure figure);

}  // namespace evener::cli
