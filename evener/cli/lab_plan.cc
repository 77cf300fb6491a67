// evener lab plan: the cheapest fleet of given kinds that meets a service level on a load, and what more money would buy.

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <memory>

#include "evener/base/json_writer.h"
#include "evener/cli/command.h"
#include "evener/cli/lab_plan_search.h"
#include "evener/cli/lab_report.h"
#include "evener/cli/lab_sections.h"
#include "evener/cli/lab_subcommand.h"
#include "evener/cli/lab_tables.h"
#include "evener/cli/option_words.h"
#include "evener/cli/progress_bar.h"
#include "evener/cli/stop_on_signal.h"

namespace evener::cli {
namespace {

struct PlanArguments {
  LabArguments experiment;
  RunsArguments runs{.seeds = 3};
  ServiceLevel level;
  ReportArguments report;
  std::string kinds, latency = "ttft-p90", time_max = "10m";
  std::uint64_t runs_max = 600;
};

struct LatencyName {
  std::string_view name;
  lab::Figure figure;
};
constexpr std::array Latencies = {LatencyName{"ttft-mean", lab::Figure::TtftMean}, LatencyName{"ttft-p90", lab::Figure::TtftP90},
                                  LatencyName{"ttft-p99", lab::Figure::TtftP99},   LatencyName{"tpot-mean", lab::Figure::TpotMean},
                                  LatencyName{"tpot-p90", lab::Figure::TpotP90},   LatencyName{"e2e-mean", lab::Figure::LatencyMean},
                                  LatencyName{"e2e-p90", lab::Figure::LatencyP90}};

Result<lab::Figure> read_latency(const std::string& text) {
  std::string known;
  for (const LatencyName& one : Latencies) {
    if (one.name == text) return one.figure;
    known += fmt::format("{}{}", known.empty() ? "" : ", ", one.name);
  }
  return fail(fmt::format("--latency: {} is not one of {}", text, known), Fault::Client);
}

/// What is printed and written of a plan.
struct Found {
  const PlanArguments& arguments;
  const Experiment& experiment;
  const std::vector<LabKind>& kinds;
  const Plan& plan;
  lab::Figure latency;
};

/// Null when none met.
const PlanTry* cheapest_try(const Plan& plan, std::size_t policy) {
  for (const PlanTry& one : plan.tries) {
    if (one.policy == policy && one.fleet == plan.policies[policy].cheapest) return &one;
  }
  return nullptr;
}

void print_cheapest(const Found& found) {
  fmt::print("cheapest fleets for {}, load {:g}\n", service_level_text(found.arguments.level, found.arguments.experiment),
             found.experiment.loads.front());
  fmt::print("{:<24}{:>10}{:>9}{:>12}  {}\n", "policy", "per hour", "good %", lab::kind_of(found.latency).label, "fleet");
  for (std::size_t i = 0; i < found.plan.policies.size(); ++i) {
    const std::string_view policy = route::policy_name(found.plan.policies[i].policy);
    if (const PlanTry* one = cheapest_try(found.plan, i)) {
      fmt::print("{:<24}{:>10.2f}{:>9.2f}{:>10.3f} s  {}\n", policy, one->price, 100 * one->figures.all[lab::Figure::GoodShare],
                 one->figures.all[found.latency] / 1000, fleet_text(one->fleet, found.kinds));
    } else {
      fmt::print("{:<24}{:>10}  none of these fleets meets it\n", policy, "");
    }
  }
}

void print_frontiers(const Found& found) {
  for (std::size_t i = 0; i < found.plan.policies.size(); ++i) {
    fmt::print("\n{}: cost against {}\n{:>10}{:>12}{:>9}{:>7}  {}\n", route::policy_name(found.plan.policies[i].policy),
               lab::kind_of(found.latency).label, "per hour", lab::kind_of(found.latency).label, "good %", "meets", "fleet");
    for (const std::size_t index : frontier_of(found.plan, i, found.latency)) {
      const PlanTry& one = found.plan.tries[index];
      fmt::print("{:>10.2f}{:>10.3f} s{:>9.2f}{:>7}  {}\n", one.price, one.figures.all[found.latency] / 1000,
                 100 * one.figures.all[lab::Figure::GoodShare], one.met ? "yes" : "no", fleet_text(one.fleet, found.kinds));
    }
  }
}

/// Why the search ended before it knew all; empty when it did not.
std::string ended_early(const Plan& plan) {
  if (plan.interrupted) return "interrupted";
  if (plan.out_of_runs) return "--runs-max was reached";
  return plan.out_of_time ? "--time-max was reached" : "";
}

void print_effort(const Found& found) {
  const Plan& plan = found.plan;
  fmt::print(
      "\ntried {} of {} fleets{} in {} runs; of the others each costs more than the cheapest, or is part of one that failed and taken to "
      "fail,\n"
      "too, or could not do the work even at full use\n",
      plan.tries.size(), plan.fleets * plan.policies.size(), plan.policies.size() > 1 ? " and policies" : "", plan.runs);
  if (ended_early(plan).empty()) return;
  fmt::print("{}: the search is not complete\n", ended_early(plan));
  for (const PolicyPlan& policy : plan.policies) {
    if (policy.undecided > 0)
      fmt::print("  {}: of {} cheaper fleets nothing is known\n", route::policy_name(policy.policy), policy.undecided);
  }
}

void write_fleet(JsonWriter& json, const lab::Fleet& fleet, const std::vector<LabKind>& kinds) {
  json.key("fleet").begin_object();
  for (std::size_t i = 0; i < kinds.size(); ++i) json.member(kinds[i].name, fleet[i]);
  json.end_object();
}

std::string json_text(const Found& found) {
  std::string text;
  JsonWriter json(text);
  json.begin_object().member("schema", "evener.lab.plan.v1").member("load", found.experiment.loads.front());
  json.member("seeds", found.arguments.runs.seeds);
  write_service_level(json, found.arguments.level, found.experiment);
  json.key("latency").begin_object().member("metric", lab::kind_of(found.latency).metric);
  json.member("statistic", lab::kind_of(found.latency).statistic).end_object().key("policies").begin_array();
  for (std::size_t i = 0; i < found.plan.policies.size(); ++i) {
    const PolicyPlan& policy = found.plan.policies[i];
    json.begin_object().member("policy", route::policy_name(policy.policy)).member("undecided", policy.undecided).key("cheapest");
    if (policy.cheapest) {
      json.begin_object();
      write_fleet(json, *policy.cheapest, found.kinds);
      json.end_object();
    } else {
      json.null();
    }
    json.key("frontier").begin_array();
    for (const std::size_t index : frontier_of(found.plan, i, found.latency)) json.value(index);
    json.end_array().end_object();
  }
  json.end_array().key("tries").begin_array();
  for (const PlanTry& one : found.plan.tries) {
    json.begin_object().member("policy", route::policy_name(found.plan.policies[one.policy].policy));
    write_fleet(json, one.fleet, found.kinds);
    json.member("price_per_hour", one.price).member("meets_slo", one.met);
    write_figures(json, one.figures);
    json.end_object();
  }
  json.end_array().key("search").begin_object().member("fleets", found.plan.fleets).member("tried", found.plan.tries.size());
  json.member("runs", found.plan.runs).member("complete", ended_early(found.plan).empty()).member("ended_by", ended_early(found.plan));
  json.end_object().end_object();
  return text;
}

/// The frontier of each policy as steps, and what met the objective.
std::string frontier_chart(const Found& found) {
  FigureChart chart{.title = fmt::format("Cost against {}", lab::kind_of(found.latency).label),
                    .x_title = "price per hour",
                    .figure = found.latency,
                    .scale = pages::Scale::Log,
                    .series = {}};
  for (std::size_t policy = 0; policy < found.plan.policies.size(); ++policy) {
    const std::string name(route::policy_name(found.plan.policies[policy].policy));
    pages::Series frontier{.name = name + ", frontier", .points = {}, .draw = pages::Draw::Steps, .hue = policy};
    for (const std::size_t index : frontier_of(found.plan, policy, found.latency)) {
      frontier.points.push_back({.x = found.plan.tries[index].price, .y = found.plan.tries[index].figures.all[found.latency]});
    }
    pages::Series meets{.name = name + ", meets the objective", .points = {}, .draw = pages::Draw::Points, .hue = policy};
    for (const PlanTry& one : found.plan.tries) {
      if (one.policy == policy && one.met) meets.points.push_back({.x = one.price, .y = one.figures.all[found.latency]});
    }
    chart.series.push_back(std::move(frontier));
    chart.series.push_back(std::move(meets));
  }
  return draw(chart);
}

void put_page(pages::Page& page, const Found& found) {
  page.paragraph(experiment_text(found.experiment, found.arguments.experiment, found.arguments.kinds));
  pages::Table cheapest{.caption = "Cheapest fleets for " + service_level_text(found.arguments.level, found.arguments.experiment),
                        .head = {"policy", "fleet", "price per hour"},
                        .rows = {}};
  for (std::size_t i = 0; i < found.plan.policies.size(); ++i) {
    const PlanTry* one = cheapest_try(found.plan, i);
    cheapest.rows.push_back({{.text = std::string(route::policy_name(found.plan.policies[i].policy))},
                             {.text = one != nullptr ? fleet_text(one->fleet, found.kinds) : "none of these meets it", .css_class = "text"},
                             {.text = one != nullptr ? fmt::format("{:.2f}", one->price) : ""}});
  }
  page.put(pages::html_of(cheapest));
  if (!ended_early(found.plan).empty()) page.paragraph("The search is not complete: " + ended_early(found.plan) + ".");
  page.put(frontier_chart(found));
  page.heading("What was tried");
  std::vector<NamedFigures> rows;
  for (const PlanTry& one : found.plan.tries) {
    rows.push_back({fmt::format("{}: {}, {:.2f} per hour{}", route::policy_name(found.plan.policies[one.policy].policy),
                                fleet_text(one.fleet, found.kinds), one.price, one.met ? ", meets" : ""),
                    one.figures});
  }
  page.put(pages::html_of(figures_table("Means over " + counted(found.arguments.runs.seeds, "seed"), "fleet", rows)));
}

int run_plan(const PlanArguments& arguments) {
  const auto kinds = read_kinds(arguments.kinds);
  if (!kinds) return report(kinds.error());
  const auto latency = read_latency(arguments.latency);
  if (!latency) return report(latency.error());
  const auto time_max = read_duration_option("--time-max", arguments.time_max);
  if (!time_max) return report(time_max.error());
  const auto experiment = open_experiment(arguments.experiment);
  if (!experiment) return experiment.error();

  auto files = LabReport::create(arguments.report, "A plan");
  if (!files) return report(files.error());
  const PlanQuestion question{.experiment = *experiment,
                              .kinds = *kinds,
                              .level = arguments.level,
                              .load = experiment->loads.front(),
                              .seed = arguments.experiment.seed,
                              .seeds = arguments.runs.seeds,
                              .limits = {.runs_max = arguments.runs_max, .time_max = *time_max}};
  const StopOnSignal signals;
  ProgressBar progress;
  std::size_t runs = 0;
  const Plan plan = search_plan(question, workers_of(arguments.runs, signals.token()), [&](const LabRun& run, const RunFigures& figures) {
    files->add_run(run, figures);
    progress.show(++runs, 0);
  });
  progress.hide();
  const Found found{.arguments = arguments, .experiment = *experiment, .kinds = *kinds, .plan = plan, .latency = *latency};
  if (arguments.experiment.json) {
    fmt::print("{}\n", json_text(found));
  } else {
    print_cheapest(found);
    print_frontiers(found);
    print_effort(found);
  }
  if (files->wanted()) {
    put_page(files->page(), found);
    if (const auto written = files->finish(json_text(found)); !written) return report(written.error());
  }
  if (plan.interrupted) return Interrupted;
  const bool any = std::any_of(plan.policies.begin(), plan.policies.end(), [](const PolicyPlan& one) { return one.cheapest.has_value(); });
  return any ? Ok : Findings;
}

}  // namespace

LabSubcommand declare_lab_plan(CLI::App& lab) {
  CLI::App* app = lab.add_subcommand("plan", "The cheapest fleet that meets an objective on a load, and what more money would buy");
  const auto arguments = std::make_shared<PlanArguments>();
  declare_experiment(*app, arguments->experiment);
  declare_runs(*app, arguments->runs);
  declare_report(*app, arguments->report);
  declare_service_level(*app, arguments->level);
  declare_policies(*app, arguments->experiment);
  app->add_option(
         "-k,--kinds", arguments->kinds,
         "Engines with how many and the price of one per hour, in place of --engines: h100-8b=0..8:price=2.5,l4-8b=0..16:price=0.7")
      ->type_name("LIST")
      ->required()
      ->group("Plan");
  app->add_option("--latency", arguments->latency, "Of the frontier: ttft-mean, ttft-p90, ttft-p99, tpot-mean, tpot-p90, e2e-mean, e2e-p90")
      ->type_name("NAME")
      ->capture_default_str()
      ->group("Plan");
  app->add_option("--runs-max", arguments->runs_max, "Most runs")
      ->check(CLI::Range(1, 1'000'000))
      ->type_name("N")
      ->capture_default_str()
      ->group("Plan");
  app->add_option("--time-max", arguments->time_max, "No new fleets are tried after this time")
      ->type_name("DURATION")
      ->capture_default_str()
      ->group("Plan");
  return {.app = app, .run = [arguments] { return run_plan(*arguments); }};
}

}  // namespace evener::cli
