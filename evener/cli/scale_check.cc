#include "evener/cli/scale_check.h"

#include <fmt/format.h>

#include <iostream>
#include <vector>

#include "evener/base/json_writer.h"
#include "evener/cli/command.h"
#include "evener/cli/config_file.h"
#include "evener/gateway/config.h"
#include "evener/gateway/config_actuator.h"

namespace evener::cli {
namespace {

using Outcome = Result<actuators::Replicas, actuators::ActuatorError>;

struct Checked {
  std::string pool, kind, actuator;  // the kind without a name is the pool's only one
  bool tells = true;                 // what is there; if not, the outcome is what was asked for
  Outcome outcome;
};

struct Target {
  std::string pool;
  gateway::KindConfig kind;
};

std::vector<Target> targets_of(const gateway::Config& config, const ScaleCheckOptions& options) {
  std::vector<Target> targets;
  for (const gateway::PoolConfig& pool : config.pools) {
    if (!pool.scale.enabled() || (!options.pool.empty() && options.pool != pool.name)) continue;
    for (const gateway::KindConfig& kind : gateway::kinds_of(pool.scale)) {
      // Processes live and die with their gateway; there is nobody to ask.
      const bool wanted = options.kind.empty() || options.kind == kind.name;
      if (wanted && kind.actuator.kind != gateway::ActuatorKind::Process) targets.push_back({pool.name, kind});
    }
  }
  return targets;
}

/// Why they must not be set to the number; empty if they may.
std::string check_replicas(const std::vector<Target>& targets, std::optional<std::uint32_t> replicas) {
  if (!replicas) return {};
  const auto& [pool, kind] = targets.front();
  if (targets.size() > 1) return pool + " has several kinds of replicas; name one with --kind";
  if (*replicas > kind.most) return fmt::format("--replicas is {}; {} may have {}", *replicas, pool, kind.most);
  return {};
}

Checked check(const Target& target, std::optional<std::uint32_t> replicas) {
  const auto& [pool, kind] = target;
  const auto actuator = gateway::make_actuator(pool, kind.actuator, kind.most);
  Checked checked{.pool = pool,
                  .kind = kind.name,
                  .actuator = std::string(actuator->kind()),
                  .tells = actuator->observes() || replicas,
                  .outcome = actuator->observe()};
  if (checked.outcome && replicas)
    checked.outcome = actuator->set({.pool = pool, .replicas = *replicas, .reason = "evener scale check", .stop_first = {}});
  return checked;
}

void print_json(const std::vector<Checked>& all) {
  std::string out;
  JsonWriter json(out);
  json.begin_object().member("schema", "evener.scale-check/1").key("pools").begin_array();
  for (const Checked& one : all) {
    json.begin_object().member("name", one.pool).member("actuator", one.actuator);
    if (!one.kind.empty()) json.member("kind", one.kind);
    if (!one.tells) {
      json.key("desired").null();
    } else if (one.outcome) {
      json.member("desired", one.outcome->desired).member("ready", one.outcome->ready).key("endpoints").begin_array();
      for (const std::string& url : one.outcome->endpoints) json.value(url);
      json.end_array().member("trouble", one.outcome->trouble);
    } else {
      const actuators::ActuatorError& error = one.outcome.error();
      json.member("error", error.message).member("may_retry", error.may_retry == MayRetry::Yes);
      if (error.retry_after) json.member("retry_after_s", seconds(*error.retry_after));
    }
    json.end_object();
  }
  json.end_array().end_object();
  std::cout << out << "\n";
}

void print_text(const Checked& one) {
  const std::string name = one.kind.empty() ? one.pool : one.pool + ", " + one.kind;
  if (!one.tells) {
    fmt::print("{}: {} tells nothing of what is there (no status command, or ask: false); --replicas tries it\n", name, one.actuator);
    return;
  }
  if (!one.outcome) {
    const actuators::ActuatorError& error = one.outcome.error();
    fmt::print("{}: {}{}\n", name, error.message, error.may_retry == MayRetry::Yes ? " (another try may help)" : "");
    return;
  }
  fmt::print("{}: {} wanted, {} ready, by {}\n", name, one.outcome->desired, one.outcome->ready, one.actuator);
  for (const std::string& url : one.outcome->endpoints) fmt::print("  {}\n", url);
  if (!one.outcome->trouble.empty()) fmt::print("  trouble: {}\n", one.outcome->trouble);
}

}  // namespace

int check_scale(const ScaleCheckOptions& options) {
  const auto config = read_config_file(options.file);
  if (!config) {
    std::cerr << "evener scale check: " << config.error().message << "\n";
    return config.error().fault == Fault::Client ? ConfigInvalid : Failure;
  }
  const std::vector<Target> targets = targets_of(*config, options);
  if (targets.empty()) {
    std::cerr << "evener scale check: " << options.file << " has no " << (options.kind.empty() ? "" : "kind " + options.kind + " in a ")
              << "pool" << (options.pool.empty() ? "" : " " + options.pool) << " that something outside of the gateway scales\n";
    return Failure;
  }
  if (const std::string wrong = check_replicas(targets, options.replicas); !wrong.empty()) {
    std::cerr << "evener scale check: " << wrong << "\n";
    return Usage;
  }
  std::vector<Checked> all;
  for (const Target& target : targets) all.push_back(check(target, options.replicas));
  if (options.json) print_json(all);
  bool all_well = true;
  for (const Checked& one : all) {
    if (!options.json) print_text(one);
    all_well = all_well && one.outcome.has_value();
  }
  return all_well ? Ok : Failure;
}

}  // namespace evener::cli
