// evener lab scale: ways to scale a pool, tuned on the first part of a recorded rate of requests and scored on the rest; and the scale section of a
// pool as the gateway would follow it.

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <cmath>
#include <cstdlib>
#include <memory>
#include <optional>

#include "evener/base/config/scalars.h"
#include "evener/base/json_writer.h"
#include "evener/cli/command.h"
#include "evener/cli/config_file.h"
#include "evener/cli/lab_rates.h"
#include "evener/cli/lab_report.h"
#include "evener/cli/lab_subcommand.h"
#include "evener/cli/option_words.h"
#include "evener/cli/pages/chart.h"
#include "evener/lab/scaling_plan.h"

namespace evener::cli {
namespace {

struct ScaleArguments {
  RatesArguments rates;
  ReportArguments report;
  std::string plans = "fixed,hpa,panic,backlog,predictive", startup = "180s", tick = "15s", wait = "5s", service = "1s";
  std::string config_path, pool;
  std::optional<double> replica_rate;
  double noise = 0.22, violating_max_percent = 0.1, training = 0.5;
  std::uint64_t seed = 1;
  bool json = false;
};

/// A kind to tune, or a plan as it is.
struct Entry {
  lab::PlanKind kind;
  std::optional<lab::ScalingPlan> plan;
};

/// The scale section of a pool of a configuration.
struct PoolScale {
  std::string pool;
  gateway::ScaleConfig config;
};

struct Trial {
  lab::RateSeries series;
  lab::FluidScenario scenario;
  std::vector<Entry> entries;
  std::optional<PoolScale> of_pool;
  double violating_max = 0;
};

Result<Duration> read_time(const char* option, const std::string& text) {
  const auto reading = config::read_duration(text);
  if (reading.value && *reading.value > Duration::zero()) return *reading.value;
  return fail(fmt::format("{} {} is not a duration above zero such as 180s", option, text), Fault::Client);
}

/// "hpa" is tuned, "hpa=0.7" is taken as it is.
Result<Entry> read_entry(const std::string& text) {
  const std::size_t equals = text.find('=');
  const auto kind = lab::plan_kind(text.substr(0, equals));
  if (!kind) return fail(fmt::format("--plans: {} is not a plan; there are {}", text, fmt::join(lab::plan_names(), ", ")), Fault::Client);
  if (equals == std::string::npos) return Entry{.kind = *kind, .plan = std::nullopt};
  const std::string knob = text.substr(equals + 1);
  char* end = nullptr;
  const lab::ScalingPlan plan{.kind = *kind, .knob = std::strtod(knob.c_str(), &end)};
  if (knob.empty() || *end != '\0' || !lab::knob_fits(plan)) {
    return fail(fmt::format("--plans: {} needs a number: replicas for fixed, a quantile of 0.5 to 0.999 for predictive, a share of 0.05 to "
                            "1 for the others",
                            text),
                Fault::Client);
  }
  return Entry{.kind = *kind, .plan = plan};
}

Result<PoolScale> read_pool_scale(const ScaleArguments& arguments) {
  const auto config = read_config_file(arguments.config_path);
  if (!config) return tl::unexpected(config.error());
  std::string scaled;
  for (const gateway::PoolConfig& pool : config->pools) {
    if (pool.scale == gateway::ScaleConfig{}) continue;
    if (arguments.pool.empty() || pool.name == arguments.pool) return PoolScale{pool.name, pool.scale};
    scaled += " " + pool.name;
  }
  return fail(fmt::format("{}: no pool{} has a scale section{}", arguments.config_path, arguments.pool.empty() ? "" : " " + arguments.pool,
                          scaled.empty() ? "" : "; these have one:" + scaled),
              Fault::Client);
}

/// A run takes as long as there are ticks, and no scaler asks for more replicas than it may.
Result<void> check_size(const Trial& trial, const ScaleArguments& arguments) {
  const lab::FluidScenario& scenario = trial.scenario;
  const double wanted = trial.series.peak() / scenario.replica_rate;
  if (wanted > route::autoscale::ReplicasMax) {
    return fail(
        fmt::format("--replica-rate: with {:g} requests/s for each the highest rate of {}, {:g}/s, needs {:.0f} replicas; at most {}, from "
                    "--replica-rate {:.4g} on",
                    scenario.replica_rate, arguments.rates.file, trial.series.peak(), std::ceil(wanted), route::autoscale::ReplicasMax,
                    trial.series.peak() / route::autoscale::ReplicasMax),
        Fault::Client);
  }
  const auto check = [&](const std::string& name, Duration tick) -> Result<void> {
    const std::uint64_t ticks = lab::fluid_ticks(trial.series, tick);
    if (ticks <= lab::FluidTicksMax) return {};
    return fail(fmt::format("{} makes {} ticks of {}; at most {}: take a longer one, or a shorter series", name, ticks,
                            arguments.rates.file, lab::FluidTicksMax),
                Fault::Client);
  };
  if (auto fits = check("--tick " + arguments.tick, scenario.tick); !fits) return fits;
  if (!trial.of_pool) return {};
  return check(fmt::format("{}: scale.every of pool {}", arguments.config_path, trial.of_pool->pool), trial.of_pool->config.every);
}

Result<Trial> read_trial(const ScaleArguments& arguments) {
  Trial trial{.series = {}, .scenario = {}, .entries = {}, .of_pool = {}, .violating_max = arguments.violating_max_percent / 100};
  for (const std::string& text : split_list(arguments.plans)) {
    const auto entry = read_entry(text);
    if (!entry) return tl::unexpected(entry.error());
    trial.entries.push_back(*entry);
  }
  const auto startup = read_time("--startup", arguments.startup), tick = read_time("--tick", arguments.tick),
             wait = read_time("--wait", arguments.wait), service = read_time("--service", arguments.service);
  for (const auto* time : {&startup, &tick, &wait, &service}) {
    if (!*time) return tl::unexpected(time->error());
  }
  if (!arguments.config_path.empty()) {
    auto of_pool = read_pool_scale(arguments);
    if (!of_pool) return tl::unexpected(of_pool.error());
    trial.of_pool = std::move(*of_pool);
  }
  auto series = read_rates(arguments.rates);
  if (!series) return tl::unexpected(series.error());
  trial.series = std::move(*series);
  if (trial.series.mean() <= 0) return fail(arguments.rates.file + ": all rates are 0", Fault::Client);
  constexpr double MeanReplicas = 10;
  trial.scenario = {.replica_rate = arguments.replica_rate.value_or(trial.series.mean() / MeanReplicas),
                    .service = *service,
                    .startup = *startup,
                    .tick = *tick,
                    .noise = arguments.noise,
                    .wait_max = *wait,
                    .training = arguments.training,
                    .seed = arguments.seed};
  if (auto fits = check_size(trial, arguments); !fits) return tl::unexpected(fits.error());
  return trial;
}

/// One way to scale, as it was tried.
struct Outcome {
  std::optional<lab::ScalingPlan> plan;  // else the scale section of a pool
  bool tuned = false;
  lab::FluidResult result;
};

lab::TunedPlan run(const Entry& entry, const Trial& trial) {
  if (!entry.plan) return lab::tune(entry.kind, trial.series, trial.scenario, trial.violating_max);
  route::autoscale::Scaler scaler = lab::make_scaler(*entry.plan, trial.scenario);
  return {*entry.plan, lab::run_fluid(trial.series, trial.scenario, scaler)};
}

/// The gateway takes a reading of a pool as often as its section says.
lab::FluidScenario scenario_of(const PoolScale& of_pool, const Trial& trial) {
  lab::FluidScenario scenario = trial.scenario;
  scenario.tick = of_pool.config.every;
  return scenario;
}

/// Once more, every tick noted.
std::vector<lab::FluidTick> ticks_of(const Outcome& outcome, const Trial& trial) {
  std::vector<lab::FluidTick> ticks;
  const lab::FluidScenario scenario = outcome.plan ? trial.scenario : scenario_of(*trial.of_pool, trial);
  route::autoscale::Scaler scaler = outcome.plan ? lab::make_scaler(*outcome.plan, scenario) : gateway::make_scaler(trial.of_pool->config);
  (void)lab::run_fluid(trial.series, scenario, scaler, &ticks);
  return ticks;
}

/// As the gateway would do it: the same scaler, and a reading as often.
lab::FluidResult run(const PoolScale& of_pool, const Trial& trial) {
  route::autoscale::Scaler scaler = gateway::make_scaler(of_pool.config);
  return lab::run_fluid(trial.series, scenario_of(of_pool, trial), scaler);
}

std::string title(const lab::ScalingPlan& plan) {
  const bool slow = plan.kind == lab::PlanKind::Hpa;
  return fmt::format("{} {:g}{}", lab::plan_name(plan.kind), plan.knob, slow ? fmt::format(", {:g} s", seconds(plan.stabilisation)) : "");
}

std::string title(const Outcome& outcome, const Trial& trial) {
  return outcome.plan ? title(*outcome.plan) : "scale of pool " + trial.of_pool->pool;
}

void print(const std::string& part, const lab::FluidScore& score) {
  fmt::print("{:<22}{:>11.0f}{:>8.3f}{:>11.1f}{:>13.3f}{:>9}{:>7}\n", part, score.replica_hours, score.over_clairvoyant(),
             score.violation_minutes, 100 * score.violating_share(), score.changes, score.peak);
}

void write(JsonWriter& json, std::string_view part, const lab::FluidScore& score) {
  json.key(part).begin_object();
  json.member("replica_hours", score.replica_hours).member("clairvoyant_replica_hours", score.clairvoyant_hours);
  json.member("over_clairvoyant", score.over_clairvoyant()).member("violation_minutes", score.violation_minutes);
  json.member("violating_share", score.violating_share()).member("changes", score.changes).member("peak_replicas", score.peak);
  json.end_object();
}

std::string json_text(const Trial& trial, const std::vector<Outcome>& outcomes) {
  std::string text;
  JsonWriter json(text);
  json.begin_object()
      .member("schema", "evener.lab.scale.v1")
      .member("startup_s", seconds(trial.scenario.startup))
      .key("plans")
      .begin_array();
  for (const Outcome& outcome : outcomes) {
    json.begin_object();
    if (outcome.plan) {
      json.member("plan", lab::plan_name(outcome.plan->kind)).member("knob", outcome.plan->knob);
      json.member("stabilisation_s", seconds(outcome.plan->stabilisation)).member("tuned", outcome.tuned);
    } else {
      json.member("pool", trial.of_pool->pool);
    }
    write(json, "training", outcome.result.training);
    write(json, "scored", outcome.result.scored);
    json.end_object();
  }
  json.end_array().end_object();
  return text;
}

/// Demand and replicas over time in a chart; every tick in the CSV.
void put_replicas(LabReport& files, const Trial& trial, const std::vector<Outcome>& outcomes) {
  pages::LineChart chart{.title = "Replicas against demand",
                         .description = "Demand is the load over what one replica serves. Each way's replicas, those that start included.",
                         .x_title = "hours",
                         .y_title = "replicas",
                         .series = {},
                         .levels = {}};
  const auto add = [&](const std::string& name, const std::vector<lab::FluidTick>& ticks, double tick_s, auto value) {
    pages::Series series{.name = name, .points = {}};
    const std::size_t per_point = ticks.size() / pages::PointsMax + 1;
    for (std::size_t begin = 0; begin < ticks.size(); begin += per_point) {
      const std::size_t end = std::min(begin + per_point, ticks.size());
      double sum = 0;
      for (std::size_t i = begin; i < end; ++i) sum += value(ticks[i]);
      series.points.push_back({.x = static_cast<double>(begin) * tick_s / 3600, .y = sum / static_cast<double>(end - begin)});
    }
    chart.series.push_back(std::move(series));
  };
  const auto demand = [&](const lab::FluidTick& tick) { return tick.rate / trial.scenario.replica_rate; };
  for (const Outcome& outcome : outcomes) {
    const std::vector<lab::FluidTick> ticks = ticks_of(outcome, trial);
    const double tick_s = seconds(outcome.plan ? trial.scenario.tick : trial.of_pool->config.every);
    const std::string name = title(outcome, trial);
    if (chart.series.empty()) add("demand", ticks, tick_s, demand);
    add(name, ticks, tick_s, [](const lab::FluidTick& tick) { return static_cast<double>(tick.replicas); });
    std::string lines;
    for (std::size_t i = 0; i < ticks.size(); ++i) {
      lines += fmt::format("{},{},{:.4f},{},{}\n", pages::csv_field(name), static_cast<double>(i) * tick_s, demand(ticks[i]),
                           ticks[i].replicas, ticks[i].starting);
    }
    files.add_replicas(lines);
  }
  files.page().put(pages::draw(chart));
}

void put_scores(pages::Page& page, const Trial& trial, const std::vector<Outcome>& outcomes) {
  pages::Table table{.caption = "On the part of the series that tuning has not seen",
                     .head = {"plan", "replica-hours", "times a clairvoyant's", "violation minutes", "violating", "changes", "peak"},
                     .rows = {}};
  for (const Outcome& outcome : outcomes) {
    const lab::FluidScore& score = outcome.result.scored;
    table.rows.push_back({{.text = title(outcome, trial)},
                          {.text = fmt::format("{:.0f}", score.replica_hours)},
                          {.text = fmt::format("{:.3f}", score.over_clairvoyant())},
                          {.text = fmt::format("{:.1f}", score.violation_minutes)},
                          {.text = fmt::format("{:.3f} %", 100 * score.violating_share())},
                          {.text = fmt::format("{}", score.changes)},
                          {.text = fmt::format("{}", score.peak)}});
  }
  page.put(pages::html_of(table));
}

int run_scale(const ScaleArguments& arguments) {
  const auto trial = read_trial(arguments);
  if (!trial) return report(trial.error());
  auto files = LabReport::create(arguments.report, "Ways to scale", ReportTables::Replicas);
  if (!files) return report(files.error());
  const std::string setting =
      fmt::format("one replica serves {:.4g} requests/s; start-up {}; a tick violates when its backlog needs more than {}",
                  trial->scenario.replica_rate, arguments.startup, arguments.wait);
  if (!arguments.json) {
    fmt::print("{}\n\n{:<22}{:>11}{:>8}{:>11}{:>13}{:>9}{:>7}\n", setting, "plan, part", "replica-h", "x best", "viol. min", "violating %",
               "changes", "peak");
  }
  std::vector<Outcome> outcomes;
  const auto add = [&](Outcome outcome) {
    outcomes.push_back(std::move(outcome));
    if (arguments.json) return;
    fmt::print("{}\n", title(outcomes.back(), *trial));
    print(outcomes.back().tuned ? "  tuned on" : "  first part", outcomes.back().result.training);
    print("  scored on", outcomes.back().result.scored);
    std::fflush(stdout);
  };
  for (const Entry& entry : trial->entries) {
    const lab::TunedPlan tried = run(entry, *trial);
    add({.plan = tried.plan, .tuned = !entry.plan, .result = tried.result});
  }
  if (trial->of_pool) add({.plan = {}, .result = run(*trial->of_pool, *trial)});
  if (arguments.json) {
    fmt::print("{}\n", json_text(*trial, outcomes));
  } else {
    fmt::print("\nx best: over the replicas that a clairvoyant would have, who knows each tick's load and needs no start-up\n");
  }
  if (!files->wanted()) return Ok;
  files->page().paragraph(fmt::format("Rates of {}: {}.", arguments.rates.file, setting));
  put_scores(files->page(), *trial, outcomes);
  put_replicas(*files, *trial, outcomes);
  const auto written = files->finish(json_text(*trial, outcomes));
  return written ? Ok : report(written.error());
}

}  // namespace

LabSubcommand declare_lab_scale(CLI::App& lab) {
  CLI::App* app = lab.add_subcommand("scale", "Ways to scale a pool, tuned on the first part of a rate series and scored on the rest");
  const auto arguments = std::make_shared<ScaleArguments>();
  declare_rates(*app, arguments->rates);
  declare_report(*app, arguments->report, "replicas.csv");
  app->add_option("--plans", arguments->plans, "fixed, hpa, panic, backlog, predictive; with =KNOB as it is, without it tuned")
      ->type_name("LIST")
      ->capture_default_str();
  app->add_option("--startup", arguments->startup, "From the start of a replica until it serves")->type_name("TIME")->capture_default_str();
  app->add_option("--replica-rate", arguments->replica_rate, "Requests per second of one replica (default: a tenth of the mean)")
      ->type_name("N")
      ->check(number_of(1e-6, 1e12));
  app->add_option("--violating-max", arguments->violating_max_percent, "Tuning: share of requests that may wait too long, in %")
      ->type_name("PERCENT")
      ->check(number_of(0.0, 100.0))
      ->capture_default_str();
  app->add_option("--wait", arguments->wait, "Longer than this is too long")->type_name("TIME")->capture_default_str();
  app->add_option("--training", arguments->training, "Share of the series that is only tuned on")
      ->check(number_of(0.0, 0.95))
      ->capture_default_str();
  app->add_option("--service", arguments->service, "Time that a request is at a replica, for what counts requests in flight")
      ->type_name("TIME")
      ->capture_default_str();
  app->add_option("-c,--config", arguments->config_path, "Configuration of evener serve: the scale section of a pool, beside the plans")
      ->type_name("FILE");
  app->add_option("--pool", arguments->pool, "Its pool (default: the first that has one)")->type_name("NAME")->needs("--config");
  app->add_option("--tick", arguments->tick, "Time between decisions")->type_name("TIME")->capture_default_str();
  app->add_option("--noise", arguments->noise, "Coefficient of variation of the load from tick to tick")
      ->check(number_of(0.0, 10.0))
      ->capture_default_str();
  app->add_option("--seed", arguments->seed, "Of the noise")->capture_default_str();
  app->add_flag("--json", arguments->json, "Print JSON");
  return {.app = app, .run = [arguments] { return run_scale(*arguments); }};
}

}  // namespace evener::cli
