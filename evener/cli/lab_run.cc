// evener lab run: one policy under one load, with the part of each endpoint, stage and tenant.

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <memory>

#include "evener/base/json_writer.h"
#include "evener/cli/command.h"
#include "evener/cli/lab_subcommand.h"
#include "evener/cli/lab_tables.h"

namespace evener::cli {
namespace {

/// What is shown of a run.
struct Run {
  const Experiment& experiment;
  lab::Workload workload;
  lab::SimulationResult result;
  RunFigures figures;
};

double share(double part, double whole) { return whole > 0 ? part / whole : 0; }

void print_endpoints(const Run& run) {
  const lab::Summary summary = lab::summarise(run.workload, run.result, run.experiment.objectives);
  fmt::print("\n{:<28}{:>10}{:>9}{:>14}{:>9}{:>9}{:>12}\n", "endpoint", "requests", "share", "tokens", "busy %", "hit %", "preemptions");
  for (std::size_t i = 0; i < run.result.endpoints.size(); ++i) {
    const lab::EndpointResult& endpoint = run.result.endpoints[i];
    const lab::EngineTotals& totals = endpoint.totals;
    fmt::print("{:<28}{:>10}{:>8.1f}%{:>14}{:>9.1f}{:>9.1f}{:>12}\n", run.experiment.scenario.endpoints[i].name, endpoint.requests,
               100 * share(static_cast<double>(endpoint.requests), static_cast<double>(summary.requests)), summary.endpoint_tokens[i],
               100 * share(seconds(endpoint.busy), seconds(run.result.end)),
               100 * share(static_cast<double>(totals.prefix_hit_tokens), static_cast<double>(totals.prefix_query_tokens)),
               totals.preemptions);
  }
}

/// Each stage and tenant, when there are several.
void print_parts(const Run& run) {
  const std::vector<std::uint64_t> tenants = judged_tenants(run.experiment);
  const auto print = [&](const std::string& name, const lab::Part& part) {
    print_figures(name, lab::figures_of(run.workload, run.result, run.experiment.objectives, {}, part));
  };
  const std::uint32_t stages = run.workload.requests.empty() ? 0 : run.workload.requests.back().stage + 1;
  if (stages > 1) fmt::print("\n");
  for (std::uint32_t stage = 0; stages > 1 && stage < stages; ++stage) print(fmt::format("stage {}", stage + 1), {.stage = stage});
  if (tenants.size() > 1) fmt::print("\n");
  for (std::size_t i = 0; tenants.size() > 1 && i < tenants.size(); ++i) {
    print("tenant " + run.experiment.tenants[i].name, {.tenant = tenants[i]});
  }
}

void print_json(const Run& run, std::uint64_t seed) {
  std::string text;
  JsonWriter json(text);
  json.begin_object().member("schema", "evener.lab.run.v2").key("run").begin_object();
  json.member("policy", route::policy_name(run.experiment.policies.front()))
      .member("load", run.experiment.loads.front())
      .member("seed", seed);
  json.member("simulated_s", seconds(run.result.end));
  write_figures(json, run.figures);
  json.end_object().key("endpoints").begin_array();
  for (std::size_t i = 0; i < run.result.endpoints.size(); ++i) {
    const lab::EndpointResult& endpoint = run.result.endpoints[i];
    json.begin_object().member("name", run.experiment.scenario.endpoints[i].name).member("requests", endpoint.requests);
    json.member("busy_s", seconds(endpoint.busy)).member("preemptions", endpoint.totals.preemptions).end_object();
  }
  json.end_array().end_object();
  fmt::print("{}\n", text);
}

int run_once(const LabArguments& arguments) {
  const auto experiment = open_experiment(arguments);
  if (!experiment) return experiment.error();
  const route::PolicyKind policy = experiment->policies.front();
  Run run{
      .experiment = *experiment, .workload = experiment->workload(experiment->loads.front(), arguments.seed), .result = {}, .figures = {}};
  run.result = lab::simulate(experiment->scenario_for(policy, arguments.seed), run.workload);
  run.figures = figures_of(*experiment, run.workload, run.result);
  if (arguments.json) {
    print_json(run, arguments.seed);
    return Ok;
  }
  print_figures_head();
  print_figures(route::policy_name(policy), run.figures);
  print_endpoints(run);
  print_parts(run);
  fmt::print("\n{} requests in {:.1f} simulated seconds\n", run.workload.requests.size(), seconds(run.result.end));
  return Ok;
}

}  // namespace

LabSubcommand declare_lab_run(CLI::App& lab) {
  CLI::App* app = lab.add_subcommand("run", "One policy under one load, with each endpoint's part");
  const auto arguments = std::make_shared<LabArguments>();
  declare_experiment(*app, *arguments);
  app->add_option("-p,--policy", arguments->policies, "The policy (default: the file's, or balanced)")->type_name("NAME")->group("Pool");
  return {.app = app, .run = [arguments] { return run_once(*arguments); }};
}

}  // namespace evener::cli
