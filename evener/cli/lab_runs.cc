#include "evener/cli/lab_runs.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>

#include "evener/base/cpu_count.h"
#include "evener/cli/in_order.h"
#include "evener/cli/lab_report.h"

namespace evener::cli {
namespace {

std::vector<std::string> row_names(const lab::Scenario& scenario, const lab::Timeline& timeline) {
  std::vector<std::string> names;
  const std::size_t per_row = timeline.endpoints_per_row;
  for (std::size_t first = 0; first < scenario.endpoints.size(); first += per_row) {
    const std::size_t last = std::min(first + per_row, scenario.endpoints.size()) - 1;
    const std::string& name = scenario.endpoints[first].name;
    names.push_back(per_row == 1 ? name : fmt::format("{} to {}", name, scenario.endpoints[last].name));
  }
  return names;
}

RunDetails details_of(const LabRun& run, const lab::Workload& workload, const lab::SimulationResult& result) {
  RunDetails details{.first_token_s = lab::distribution_curve(lab::first_token_times(result)),
                     .token_s = lab::distribution_curve(lab::token_times(workload, result)),
                     .timeline = lab::timeline_of(workload, result),
                     .row_names = {},
                     .request_lines = request_lines(run, workload, result)};
  details.row_names = row_names(run.experiment->scenario, details.timeline);
  return details;
}

bool has_several_classes(const lab::Workload& workload) {
  return std::any_of(workload.requests.begin(), workload.requests.end(),
                     [&](const lab::WorkloadRequest& request) { return request.priority != workload.requests.front().priority; });
}

}  // namespace

void declare_runs(CLI::App& app, RunsArguments& arguments) {
  app.add_option("--seeds", arguments.seeds, "Runs of each kind, under so many seeds")
      ->check(CLI::Range(1, 10'000))
      ->type_name("N")
      ->capture_default_str()
      ->group("Runs");
  app.add_option("-j,--jobs", arguments.jobs, "Runs at once (default: one per CPU)")
      ->check(CLI::Range(1, 1024))
      ->type_name("N")
      ->group("Runs");
}

LabWorkers workers_of(const RunsArguments& arguments, std::stop_token stop) {
  return {.threads = arguments.jobs > 0 ? arguments.jobs : cpu_count(), .stop = std::move(stop)};
}

RunFigures mean_of(std::span<const RunFigures> runs) {
  RunFigures mean;
  std::vector<lab::Figures> figures;
  for (const RunFigures& run : runs) figures.push_back(run.all);
  mean.all = lab::mean_of(figures);
  for (std::size_t i = 0; i < mean.classes.size(); ++i) {
    figures.clear();
    for (const RunFigures& run : runs) {
      if (run.classes[i]) figures.push_back(*run.classes[i]);
    }
    if (!figures.empty()) mean.classes[i] = lab::mean_of(figures);
  }
  return mean;
}

std::vector<std::uint64_t> judged_tenants(const Experiment& experiment) {
  std::vector<std::uint64_t> tenants;
  if (experiment.tenants.size() > TenantsJudgedMax) return tenants;
  for (const LabTenant& tenant : experiment.tenants) tenants.push_back(tenant.hash);
  return tenants;
}

RunFigures figures_of(const LabRun& run, const lab::Workload& workload, const lab::SimulationResult& result) {
  const Experiment& experiment = *run.experiment;
  const std::vector<std::uint64_t> tenants = judged_tenants(experiment);
  RunFigures figures{.all = lab::figures_of(workload, result, experiment.objectives, tenants), .classes = {}};
  const bool classes = experiment.classes || has_several_classes(workload);
  for (std::size_t i = 0; classes && i < figures.classes.size(); ++i) {
    const lab::Figures part =
        lab::figures_of(workload, result, experiment.objectives, tenants, {.priority = static_cast<route::Priority>(i)});
    if (part.requests() > 0) figures.classes[i] = part;
  }
  if (run.details) figures.details = std::make_shared<const RunDetails>(details_of(run, workload, result));
  return figures;
}

std::size_t do_runs(std::span<const LabRun> runs, const LabWorkers& workers,
                    const std::function<void(std::size_t index, RunFigures figures)>& told) {
  std::vector<RunFigures> results(runs.size());
  return run_in_order(
      runs.size(), workers.threads,
      [&](std::size_t i) {
        const LabRun& run = runs[i];
        const lab::Workload workload = run.experiment->workload(run.load, run.seed);
        results[i] = figures_of(run, workload, lab::simulate(run.experiment->scenario_for(run.policy, run.seed), workload));
      },
      [&](std::size_t i) { told(i, std::move(results[i])); }, workers.stop);
}

}  // namespace evener::cli
