// evener lab run: one policy under one load, with the part of each endpoint, stage and tenant.

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <memory>

#include "evener/base/json_writer.h"
#include "evener/cli/command.h"
#include "evener/cli/lab_report.h"
#include "evener/cli/lab_sections.h"
#include "evener/cli/lab_subcommand.h"
#include "evener/cli/lab_tables.h"

namespace evener::cli {
namespace {

struct RunArguments {
  LabArguments experiment;
  ReportArguments report;
};

/// What is shown of a run.
struct Run {
  const Experiment& experiment;
  lab::Workload workload;
  lab::SimulationResult result;
  RunFigures figures;
};

double share(double part, double whole) { return whole > 0 ? part / whole : 0; }

std::uint32_t stages_of(const Run& run) { return run.workload.requests.empty() ? 0 : run.workload.requests.back().stage + 1; }

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
  const std::uint32_t stages = stages_of(run);
  if (stages > 1) fmt::print("\n");
  for (std::uint32_t stage = 0; stages > 1 && stage < stages; ++stage) print(fmt::format("stage {}", stage + 1), {.stage = stage});
  if (tenants.size() > 1) fmt::print("\n");
  for (std::size_t i = 0; tenants.size() > 1 && i < tenants.size(); ++i) {
    print("tenant " + run.experiment.tenants[i].name, {.tenant = tenants[i]});
  }
}

std::string json_text(const Run& run, std::uint64_t seed) {
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
  json.end_array().key("stages").begin_array();
  const std::uint32_t stages = stages_of(run);
  for (std::uint32_t stage = 0; stages > 1 && stage < stages; ++stage) {
    json.begin_object().member("stage", stage + 1);
    write_figures(json, {.all = lab::figures_of(run.workload, run.result, run.experiment.objectives, {}, {.stage = stage}), .classes = {}});
    json.end_object();
  }
  json.end_array().end_object();
  return text;
}

void put_page(pages::Page& page, const Run& run, const RunArguments& arguments) {
  const std::string policy(route::policy_name(run.experiment.policies.front()));
  page.paragraph(experiment_text(run.experiment, arguments.experiment));
  const std::vector<NamedFigures> rows = {{policy, run.figures}};
  page.put(pages::html_of(figures_table("", "policy", rows)));
  pages::Table table{.caption = "Endpoints", .head = {"endpoint", "requests", "busy", "cache hits", "preemptions"}, .rows = {}};
  for (std::size_t i = 0; i < run.result.endpoints.size(); ++i) {
    const lab::EndpointResult& endpoint = run.result.endpoints[i];
    const double hits =
        share(static_cast<double>(endpoint.totals.prefix_hit_tokens), static_cast<double>(endpoint.totals.prefix_query_tokens));
    table.rows.push_back({{.text = run.experiment.scenario.endpoints[i].name},
                          {.text = fmt::format("{}", endpoint.requests)},
                          {.text = fmt::format("{:.1f} %", 100 * share(seconds(endpoint.busy), seconds(run.result.end)))},
                          {.text = fmt::format("{:.1f} %", 100 * hits)},
                          {.text = fmt::format("{}", endpoint.totals.preemptions)}});
  }
  page.put(pages::html_of(table));
  const std::vector<NamedDetails> details = {{policy, run.figures.details}};
  put_run_charts(page, fmt::format("load {:g}, seed {}", run.experiment.loads.front(), arguments.experiment.seed), details);
}

int run_once(const RunArguments& arguments) {
  const auto experiment = open_experiment(arguments.experiment);
  if (!experiment) return experiment.error();
  const std::uint64_t seed = arguments.experiment.seed;
  auto files = LabReport::create(arguments.report, fmt::format("One run of {}", route::policy_name(experiment->policies.front())));
  if (!files) return report(files.error());
  const LabRun asked{.experiment = &*experiment,
                     .policy = experiment->policies.front(),
                     .load = experiment->loads.front(),
                     .seed = seed,
                     .details = files->wanted()};
  Run run{.experiment = *experiment, .workload = experiment->workload(asked.load, seed), .result = {}, .figures = {}};
  run.result = lab::simulate(experiment->scenario_for(asked.policy, seed), run.workload);
  run.figures = figures_of(asked, run.workload, run.result);
  if (arguments.experiment.json) {
    fmt::print("{}\n", json_text(run, seed));
  } else {
    print_figures_head();
    print_figures(route::policy_name(asked.policy), run.figures);
    print_endpoints(run);
    print_parts(run);
    fmt::print("\n{} requests in {:.1f} simulated seconds\n", run.workload.requests.size(), seconds(run.result.end));
  }
  if (!files->wanted()) return Ok;
  files->add_run(asked, run.figures);
  put_page(files->page(), run, arguments);
  const auto written = files->finish(json_text(run, seed));
  return written ? Ok : report(written.error());
}

}  // namespace

LabSubcommand declare_lab_run(CLI::App& lab) {
  CLI::App* app = lab.add_subcommand("run", "One policy under one load, with each endpoint's part");
  const auto arguments = std::make_shared<RunArguments>();
  declare_experiment(*app, arguments->experiment);
  declare_report(*app, arguments->report);
  app->add_option("-p,--policy", arguments->experiment.policies, "The policy (default: the file's, or balanced)")
      ->type_name("NAME")
      ->group("Pool");
  return {.app = app, .run = [arguments] { return run_once(*arguments); }};
}

}  // namespace evener::cli
