// evener lab: the gateway's own decisions on recorded or made-up load, in virtual time.

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <iostream>

#include "evener/base/json_writer.h"
#include "evener/cli/command.h"
#include "evener/cli/config_file.h"
#include "evener/cli/lab_experiment.h"
#include "evener/cli/lab_replay.h"
#include "evener/cli/lab_scaling.h"

namespace evener::cli {
namespace {

constexpr std::size_t TenantsShown = 32;
bool shows_tenants(const Experiment& experiment) { return experiment.tenants.size() > 1 && experiment.tenants.size() <= TenantsShown; }

/// How unevenly tenants were served: by how much the tokens that engines worked on for one of them differ most from an equal share.
double spread_of(const lab::Workload& workload, const lab::SimulationResult& result, const Experiment& experiment, lab::Part part) {
  std::vector<double> served;
  double sum = 0;
  for (const LabTenant& tenant : experiment.tenants) {
    part.tenant = tenant.hash;
    const lab::Summary summary = lab::summarise(workload, result, experiment.objectives, part);
    served.push_back(static_cast<double>(summary.input_tokens - summary.cached_tokens + summary.output_tokens));
    sum += served.back();
  }
  const double equal = sum / static_cast<double>(served.size());
  double most = 0;
  for (const double tokens : served) most = std::max(most, std::abs(tokens - equal));
  return equal > 0 ? most / equal : 0;
}

/// Means over the seeds.
struct Row {
  double requests = 0, good_share = 0, good_per_s = 0, ttft_mean = 0, ttft_p50 = 0, ttft_p90 = 0, ttft_p99 = 0, tpot_mean = 0, tpot_p90 = 0,
         e2e_mean = 0;
  double output_tokens_per_s = 0, hit_share = 0, imbalance = 0, lost_share = 0;
  double tenant_spread = 0;  // see spread_of()

  void add(const lab::Workload& workload, const lab::SimulationResult& result, const Experiment& experiment, const lab::Part& part,
           double weight) {
    add(lab::summarise(workload, result, experiment.objectives, part), weight);
    if (shows_tenants(experiment)) tenant_spread += weight * spread_of(workload, result, experiment, part);
  }

 private:
  void add(const lab::Summary& summary, double weight) {
    requests += weight * static_cast<double>(summary.requests);
    good_share += weight * summary.good_share();
    good_per_s += weight * summary.good_per_s();
    ttft_mean += weight * summary.ttft.mean_s;
    ttft_p50 += weight * summary.ttft.p50_s;
    ttft_p90 += weight * summary.ttft.p90_s;
    ttft_p99 += weight * summary.ttft.p99_s;
    tpot_mean += weight * summary.tpot.mean_s;
    tpot_p90 += weight * summary.tpot.p90_s;
    e2e_mean += weight * summary.e2e.mean_s;
    output_tokens_per_s += weight * summary.output_tokens_per_s();
    hit_share += weight * summary.hit_share();
    imbalance += weight * summary.imbalance;
    if (summary.requests > 0)
      lost_share += weight * static_cast<double>(summary.requests - summary.done) / static_cast<double>(summary.requests);
  }
};

void write_members(JsonWriter& json, const Row& row) {
  json.member("requests", row.requests).member("goodput_share", row.good_share).member("goodput_rps", row.good_per_s);
  json.member("ttft_mean_s", row.ttft_mean)
      .member("ttft_p50_s", row.ttft_p50)
      .member("ttft_p90_s", row.ttft_p90)
      .member("ttft_p99_s", row.ttft_p99);
  json.member("tpot_mean_s", row.tpot_mean).member("tpot_p90_s", row.tpot_p90).member("e2e_mean_s", row.e2e_mean);
  json.member("output_token_throughput", row.output_tokens_per_s).member("prefix_hit_share", row.hit_share);
  json.member("imbalance", row.imbalance).member("lost_share", row.lost_share).member("tenant_spread", row.tenant_spread);
}

void print_head() {
  fmt::print("{:<24}{:>9}{:>9}{:>11}{:>9}{:>9}{:>9}{:>11}{:>10}{:>11}{:>7}{:>8}{:>7}{:>9}\n", "policy", "good %", "good/s", "TTFT mean",
             "p50", "p90", "p99", "TPOT mean", "p90", "out tok/s", "hit %", "imbal.", "lost %", "spread %");
}

void print_row(std::string_view name, const Row& row) {
  fmt::print("{:<24}{:>9.2f}{:>9.3f}{:>11.3f}{:>9.3f}{:>9.3f}{:>9.3f}{:>11.4f}{:>10.4f}{:>11.0f}{:>7.1f}{:>8.3f}{:>7.2f}{:>9.1f}\n", name,
             row.good_share * 100, row.good_per_s, row.ttft_mean, row.ttft_p50, row.ttft_p90, row.ttft_p99, row.tpot_mean, row.tpot_p90,
             row.output_tokens_per_s, row.hit_share * 100, row.imbalance, row.lost_share * 100, row.tenant_spread * 100);
}

/// One policy under one load: all requests, and each class when there are several.
struct Rows {
  Row all;
  std::array<Row, route::Priorities> classes;

  void add(const lab::Workload& workload, const lab::SimulationResult& result, const Experiment& experiment, double weight) {
    all.add(workload, result, experiment, {}, weight);
    if (!experiment.classes) return;
    for (std::size_t i = 0; i < classes.size(); ++i) {
      classes[i].add(workload, result, experiment, {.priority = static_cast<route::Priority>(i)}, weight);
    }
  }

  void print(std::string_view policy) const {
    print_row(policy, all);
    for (std::size_t i = 0; i < classes.size(); ++i) {
      if (classes[i].requests > 0) print_row(fmt::format("  {}", route::priority_name(static_cast<route::Priority>(i))), classes[i]);
    }
  }

  void write(JsonWriter& json, std::string_view policy, double load) const {
    json.begin_object().member("policy", policy).member("load", load);
    write_members(json, all);
    json.key("classes").begin_array();
    for (std::size_t i = 0; i < classes.size(); ++i) {
      if (classes[i].requests == 0) continue;
      json.begin_object().member("class", route::priority_name(static_cast<route::Priority>(i)));
      write_members(json, classes[i]);
      json.end_object();
    }
    json.end_array().end_object();
  }
};

int compare(const Experiment& experiment, const LabArguments& arguments) {
  std::string text;
  JsonWriter json(text);
  if (arguments.json) json.begin_object().member("schema", "evener.lab.compare.v1").key("rows").begin_array();
  for (const double load : experiment.loads) {
    if (!arguments.json) {
      fmt::print("load {:g}, {} endpoints, {} seed{}; good: TTFT <= {}, TPOT <= {}{}\n", load, experiment.scenario.endpoints.size(),
                 arguments.seeds, arguments.seeds == 1 ? "" : "s", arguments.ttft, arguments.tpot,
                 experiment.classes ? ", or as the class has it" : "");
      print_head();
    }
    std::vector<Rows> rows(experiment.policies.size());
    for (std::uint64_t seed = arguments.seed; seed < arguments.seed + arguments.seeds; ++seed) {
      const lab::Workload workload = experiment.workload(load, seed);
      for (std::size_t i = 0; i < rows.size(); ++i) {
        const lab::SimulationResult result = lab::simulate(experiment.scenario_for(experiment.policies[i], seed), workload);
        rows[i].add(workload, result, experiment, 1.0 / static_cast<double>(arguments.seeds));
      }
    }
    for (std::size_t i = 0; i < rows.size(); ++i) {
      if (arguments.json) {
        rows[i].write(json, route::policy_name(experiment.policies[i]), load);
      } else {
        rows[i].print(route::policy_name(experiment.policies[i]));
      }
    }
    if (!arguments.json) fmt::print("\n");
    std::fflush(stdout);
  }
  if (arguments.json) {
    json.end_array().end_object();
    fmt::print("{}\n", text);
  }
  return Ok;
}

/// What became of each endpoint, and of each stage or tenant when there are several.
void print_parts(const Experiment& experiment, const lab::Workload& workload, const lab::SimulationResult& result,
                 const lab::Summary& summary) {
  fmt::print("\n{:<28}{:>10}{:>9}{:>14}{:>9}{:>9}{:>12}\n", "endpoint", "requests", "share", "tokens", "busy %", "hit %", "preemptions");
  for (std::size_t i = 0; i < result.endpoints.size(); ++i) {
    const lab::EndpointResult& endpoint = result.endpoints[i];
    const auto percent = [](double part, double whole) { return whole > 0 ? 100 * part / whole : 0; };
    fmt::print("{:<28}{:>10}{:>8.1f}%{:>14}{:>9.1f}{:>9.1f}{:>12}\n", experiment.scenario.endpoints[i].name, endpoint.requests,
               percent(static_cast<double>(endpoint.requests), static_cast<double>(summary.requests)), summary.endpoint_tokens[i],
               percent(seconds(endpoint.busy), seconds(result.end)),
               percent(static_cast<double>(endpoint.totals.prefix_hit_tokens), static_cast<double>(endpoint.totals.prefix_query_tokens)),
               endpoint.totals.preemptions);
  }
  const auto part = [&](const std::string& name, const lab::Part& asked) {
    Row row;
    row.add(workload, result, experiment, asked, 1);
    print_row(name, row);
  };
  const std::uint32_t stages = workload.requests.empty() ? 0 : workload.requests.back().stage + 1;
  if (stages > 1) {
    fmt::print("\n");
    for (std::uint32_t stage = 0; stage < stages; ++stage) part(fmt::format("stage {}", stage + 1), {.stage = stage});
  }
  if (shows_tenants(experiment)) {
    fmt::print("\n");
    for (const LabTenant& tenant : experiment.tenants) part("tenant " + tenant.name, {.tenant = tenant.hash});
  }
}

int run(const Experiment& experiment, const LabArguments& arguments) {
  const lab::Workload workload = experiment.workload(experiment.loads.front(), arguments.seed);
  const lab::SimulationResult result = lab::simulate(experiment.scenario_for(experiment.policies.front(), arguments.seed), workload);
  Rows rows;
  rows.add(workload, result, experiment, 1);
  if (arguments.json) {
    std::string text;
    JsonWriter json(text);
    json.begin_object().member("schema", "evener.lab.run.v1").key("run");
    rows.write(json, route::policy_name(experiment.policies.front()), experiment.loads.front());
    json.key("endpoints").begin_array();
    for (std::size_t i = 0; i < result.endpoints.size(); ++i) {
      const lab::EndpointResult& endpoint = result.endpoints[i];
      json.begin_object()
          .member("name", experiment.scenario.endpoints[i].name)
          .member("requests", endpoint.requests)
          .member("busy_s", seconds(endpoint.busy));
      json.member("preemptions", endpoint.totals.preemptions).end_object();
    }
    json.end_array().end_object();
    fmt::print("{}\n", text);
    return Ok;
  }
  print_head();
  rows.print(route::policy_name(experiment.policies.front()));
  print_parts(experiment, workload, result, lab::summarise(workload, result, experiment.objectives));
  fmt::print("\n{} requests in {:.1f} simulated seconds\n", workload.requests.size(), seconds(result.end));
  return Ok;
}

/// The pool that --config and --pool name.
Result<gateway::PoolConfig> read_file_pool(const LabArguments& arguments) {
  auto config = read_config_file(arguments.config);
  if (!config) return tl::unexpected(config.error());
  for (gateway::PoolConfig& pool : config->pools) {
    if (arguments.pool.empty() || pool.name == arguments.pool) return std::move(pool);
  }
  return fail(fmt::format("--pool: {} has no pool {}", arguments.config, arguments.pool), Fault::Client);
}

}  // namespace

int lab_command(int argc, char** argv) {
  CLI::App app("Runs the gateway's own decisions on traces and engine models, in virtual time.", "evener lab");
  LabArguments arguments;
  CLI::App* single = app.add_subcommand("run", "One policy under one load, with each endpoint's part");
  CLI::App* comparison = app.add_subcommand("compare", "Policies side by side under the same loads");
  CLI::App* replay = app.add_subcommand("replay", "Decides once more what evener serve --record wrote, and compares every decision");
  std::string recording;
  replay->add_option("FILE", recording, "The recording")->required();
  replay->add_flag("--json", arguments.json, "Print JSON");
  ScaleArguments scale_arguments;
  ForecastArguments forecast_arguments;
  const CLI::App* scaling = declare_scale(app, scale_arguments);
  const CLI::App* forecasting = declare_forecast(app, forecast_arguments);
  app.require_subcommand(1);
  declare_experiment(*single, arguments);
  single->add_option("-p,--policy", arguments.policies, "The policy (default: the file's, or balanced)")->type_name("NAME")->group("Pool");
  declare_experiment(*comparison, arguments);
  comparison->add_option("-p,--policies", arguments.policies, "Policies, with commas (default: the file's, or balanced)")
      ->type_name("LIST")
      ->group("Pool");
  app.footer(
      "Examples:\n"
      "  evener lab compare --trace conversation_trace.jsonl --policies random,least-request,balanced --load 1,1.2 --seeds 3\n"
      "  evener lab run --workload chat --engines h100-8b=2,l4-8b=4 --policy least-request\n"
      "  evener lab compare --workload chat --config evener.yaml --pool chat --engines h100-8b --policies balanced,blend\n"
      "  evener lab replay monday.evr\n"
      "  evener lab scale --rates rates.csv --column m_small_rps --startup 600s --plans hpa,predictive --violating-max 0.1\n"
      "  evener lab forecast --rates rates.csv --horizons 1,3\n"
      "Exit codes: 0 done, 1 could not be done, 2 wrong usage, 3 configuration invalid, 6 a replayed decision differs.");
  if (const auto code = parse_arguments(app, argc, argv)) return *code;
  if (scaling->parsed()) return run_scale(scale_arguments);
  if (forecasting->parsed()) return run_forecast(forecast_arguments);
  if (replay->parsed()) return replay_recording(recording, arguments.json);
  std::optional<gateway::PoolConfig> pool;
  if (!arguments.config.empty()) {
    auto found = read_file_pool(arguments);
    if (!found) {
      std::cerr << found.error().message << "\n";
      return found.error().fault == Fault::Client ? ConfigInvalid : Failure;
    }
    pool = std::move(*found);
  } else if (!arguments.pool.empty()) {
    std::cerr << "evener lab: --pool goes with --config\n";
    return Usage;
  }
  const auto experiment = read_experiment(arguments, pool ? &*pool : nullptr);
  if (!experiment) {
    std::cerr << "evener lab: " << experiment.error().message << "\n";
    return experiment.error().fault == Fault::Client ? Usage : Failure;
  }
  return single->parsed() ? run(*experiment, arguments) : compare(*experiment, arguments);
}

}  // namespace evener::cli
