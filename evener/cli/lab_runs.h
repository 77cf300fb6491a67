#pragma once
// The runs of an experiment, spread over the cores. Each makes its own workload, so that runs share nothing; results come in the order in
// which the runs were asked for.

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <stop_token>
#include <string>
#include <vector>

#include "evener/cli/lab_experiment.h"
#include "evener/lab/figures.h"
#include "evener/lab/run_curves.h"

namespace evener::cli {

/// A spread between more tenants than this would cost more than the run.
inline constexpr std::size_t TenantsJudgedMax = 32;

struct LabRun {
  const Experiment* experiment = nullptr;
  route::PolicyKind policy{};
  double load = 1;
  std::uint64_t seed = 1;
  std::string variant = {};  // what else tells it from other runs, for reports
  bool details = false;      // wanted
};

/// What a report shows of a single run.
struct RunDetails {
  std::vector<lab::CurvePoint> first_token_s, token_s;  // distributions
  lab::Timeline timeline;
  std::vector<std::string> row_names;  // of the timeline
  std::string request_lines;           // of requests.csv
};

/// All requests, and each class that had some, when there are classes.
struct RunFigures {
  lab::Figures all;
  std::array<std::optional<lab::Figures>, route::Priorities> classes;
  std::shared_ptr<const RunDetails> details = {};  // of a run that was asked for them
};
/// Without details.
[[nodiscard]] RunFigures mean_of(std::span<const RunFigures> runs);

/// The tenants whose spread is judged; none when there are too many.
[[nodiscard]] std::vector<std::uint64_t> judged_tenants(const Experiment& experiment);
[[nodiscard]] RunFigures figures_of(const LabRun& run, const lab::Workload& workload, const lab::SimulationResult& result);

/// Options of the commands that do several runs.
struct RunsArguments {
  std::uint64_t seeds = 5;
  unsigned jobs = 0;  // 0 = as many as there are CPUs for this process
};
void declare_runs(CLI::App& app, RunsArguments& arguments);

/// How runs are done.
struct LabWorkers {
  unsigned threads = 1;
  std::stop_token stop;
};
[[nodiscard]] LabWorkers workers_of(const RunsArguments& arguments, std::stop_token stop);

/// Tells of each run in order, as soon as it and all before it have ended. How many were done: fewer than asked for after a stop.
std::size_t do_runs(std::span<const LabRun> runs, const LabWorkers& workers,
                    const std::function<void(std::size_t index, RunFigures figures)>& told);

}  // namespace evener::cli
