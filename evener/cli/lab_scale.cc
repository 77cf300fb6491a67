// evener lab scale: ways to scale a pool, tuned on the first part of a recorded rate of requests and scored on the rest; and the scale section of a
// pool as the gateway would follow it.

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <cstdlib>
#include <memory>
#include <optional>

#include "evener/base/config/scalars.h"
#include "evener/base/json_writer.h"
#include "evener/cli/command.h"
#include "evener/cli/config_file.h"
#include "evener/cli/lab_rates.h"
#include "evener/cli/lab_subcommand.h"
#include "evener/lab/scaling_plan.h"

namespace evener::cli {
namespace {

struct ScaleArguments {
  RatesArguments rates;
  std::string plans = "fixed,hpa,panic,backlog,predictive", startup = "180s", tick = "15s", wait = "5s", service = "1s";
  std::string config_path, pool;
  double replica_rate = 0, noise = 0.22, violating_max_percent = 0.1, training = 0.5;
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
  trial.scenario = {.replica_rate = arguments.replica_rate > 0 ? arguments.replica_rate : trial.series.mean() / MeanReplicas,
                    .service = *service,
                    .startup = *startup,
                    .tick = *tick,
                    .noise = arguments.noise,
                    .wait_max = *wait,
                    .training = arguments.training,
                    .seed = arguments.seed};
  return trial;
}

lab::TunedPlan run(const Entry& entry, const Trial& trial) {
  if (!entry.plan) return lab::tune(entry.kind, trial.series, trial.scenario, trial.violating_max);
  route::autoscale::Scaler scaler = lab::make_scaler(*entry.plan, trial.scenario);
  return {*entry.plan, lab::run_fluid(trial.series, trial.scenario, scaler)};
}

/// As the gateway would do it: the same scaler, and a reading as often.
lab::FluidResult run(const PoolScale& of_pool, const Trial& trial) {
  lab::FluidScenario scenario = trial.scenario;
  scenario.tick = of_pool.config.every;
  route::autoscale::Scaler scaler = gateway::make_scaler(of_pool.config);
  return lab::run_fluid(trial.series, scenario, scaler);
}

std::string title(const lab::ScalingPlan& plan) {
  const bool slow = plan.kind == lab::PlanKind::Hpa;
  return fmt::format("{} {:g}{}", lab::plan_name(plan.kind), plan.knob, slow ? fmt::format(", {:g} s", seconds(plan.stabilisation)) : "");
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

int run_scale(const ScaleArguments& arguments) {
  const auto trial = read_trial(arguments);
  if (!trial) return report(trial.error());
  std::string text;
  JsonWriter json(text);
  if (arguments.json) {
    json.begin_object()
        .member("schema", "evener.lab.scale.v1")
        .member("startup_s", seconds(trial->scenario.startup))
        .key("plans")
        .begin_array();
  } else {
    fmt::print("one replica serves {:.4g} requests/s; start-up {}; a tick violates when its backlog needs more than {}\n\n",
               trial->scenario.replica_rate, arguments.startup, arguments.wait);
    fmt::print("{:<22}{:>11}{:>8}{:>11}{:>13}{:>9}{:>7}\n", "plan, part", "replica-h", "x best", "viol. min", "violating %", "changes",
               "peak");
  }
  for (const Entry& entry : trial->entries) {
    const lab::TunedPlan tuned = run(entry, *trial);
    if (arguments.json) {
      json.begin_object().member("plan", lab::plan_name(tuned.plan.kind)).member("knob", tuned.plan.knob);
      json.member("stabilisation_s", seconds(tuned.plan.stabilisation)).member("tuned", !entry.plan.has_value());
      write(json, "training", tuned.result.training);
      write(json, "scored", tuned.result.scored);
      json.end_object();
    } else {
      fmt::print("{}\n", title(tuned.plan));
      print(entry.plan ? "  first part" : "  tuned on", tuned.result.training);
      print("  scored on", tuned.result.scored);
    }
    std::fflush(stdout);
  }
  if (trial->of_pool) {
    const lab::FluidResult result = run(*trial->of_pool, *trial);
    if (arguments.json) {
      json.begin_object().member("pool", trial->of_pool->pool);
      write(json, "training", result.training);
      write(json, "scored", result.scored);
      json.end_object();
    } else {
      fmt::print("scale of pool {}\n", trial->of_pool->pool);
      print("  first part", result.training);
      print("  scored on", result.scored);
    }
  }
  if (arguments.json) {
    json.end_array().end_object();
    fmt::print("{}\n", text);
  } else {
    fmt::print("\nx best: over the replicas that a clairvoyant would have, who knows each tick's load and needs no start-up\n");
  }
  return Ok;
}

}  // namespace

LabSubcommand declare_lab_scale(CLI::App& lab) {
  CLI::App* app = lab.add_subcommand("scale", "Ways to scale a pool, tuned on the first part of a rate series and scored on the rest");
  const auto arguments = std::make_shared<ScaleArguments>();
  declare_rates(*app, arguments->rates);
  app->add_option("--plans", arguments->plans, "fixed, hpa, panic, backlog, predictive; with =KNOB as it is, without it tuned")
      ->type_name("LIST")
      ->capture_default_str();
  app->add_option("--startup", arguments->startup, "From the start of a replica until it serves")->type_name("TIME")->capture_default_str();
  app->add_option("--replica-rate", arguments->replica_rate, "Requests per second of one replica (default: a tenth of the mean)")
      ->type_name("N");
  app->add_option("--violating-max", arguments->violating_max_percent, "Tuning: share of requests that may wait too long, in %")
      ->type_name("PERCENT")
      ->check(CLI::Range(0.0, 100.0))
      ->capture_default_str();
  app->add_option("--wait", arguments->wait, "Longer than this is too long")->type_name("TIME")->capture_default_str();
  app->add_option("--training", arguments->training, "Share of the series that is only tuned on")
      ->check(CLI::Range(0.0, 0.95))
      ->capture_default_str();
  app->add_option("--service", arguments->service, "Time that a request is at a replica, for what counts requests in flight")
      ->type_name("TIME")
      ->capture_default_str();
  app->add_option("-c,--config", arguments->config_path, "Configuration of evener serve: the scale section of a pool, beside the plans")
      ->type_name("FILE");
  app->add_option("--pool", arguments->pool, "Its pool (default: the first that has one)")->type_name("NAME")->needs("--config");
  app->add_option("--tick", arguments->tick, "Time between decisions")->type_name("TIME")->capture_default_str();
  app->add_option("--noise", arguments->noise, "Coefficient of variation of the load from tick to tick")
      ->check(CLI::Range(0.0, 10.0))
      ->capture_default_str();
  app->add_option("--seed", arguments->seed, "Of the noise")->capture_default_str();
  app->add_flag("--json", arguments->json, "Print JSON");
  return {.app = app, .run = [arguments] { return run_scale(*arguments); }};
}

}  // namespace evener::cli
