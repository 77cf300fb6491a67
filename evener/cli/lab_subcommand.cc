#include "evener/cli/lab_subcommand.h"

#include <fmt/format.h>

#include <iostream>

#include "evener/cli/command.h"
#include "evener/cli/config_file.h"
#include "evener/cli/option_words.h"

namespace evener::cli {
namespace {

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

int report(const Error& error) {
  std::cerr << "evener lab: " << error.message << "\n";
  return error.fault == Fault::Client ? Usage : Failure;
}

Result<Experiment, int> open_experiment(const LabArguments& arguments) {
  std::optional<gateway::PoolConfig> pool;
  if (!arguments.config.empty()) {
    auto found = read_file_pool(arguments);
    if (!found) {
      std::cerr << found.error().message << "\n";
      return tl::unexpected<int>(found.error().fault == Fault::Client ? ConfigInvalid : Failure);
    }
    pool = std::move(*found);
  } else if (!arguments.pool.empty() && arguments.trace.empty()) {
    return tl::unexpected<int>(report({.message = "--pool goes with --config, or with a recording as --trace", .fault = Fault::Client}));
  }
  auto experiment = read_experiment(arguments, pool ? &*pool : nullptr);
  if (!experiment) return tl::unexpected<int>(report(experiment.error()));
  return std::move(*experiment);
}

std::string experiment_text(const Experiment& experiment, const LabArguments& arguments, const std::string& kinds) {
  std::string text = arguments.trace.empty() ? "workload " + arguments.workload : "trace " + arguments.trace;
  if (kinds.empty()) {
    text += "; " + counted(experiment.scenario.endpoints.size(), "endpoint");
    if (!arguments.engines.empty()) text += " (" + arguments.engines + ")";
  } else {
    text += "; fleets of " + kinds;
  }
  if (!arguments.config.empty()) text += ", pool as in " + arguments.config;
  return fmt::format("{}; good: TTFT <= {}, TPOT <= {}{}. Simulated: engine models stand for the engines.", text, arguments.ttft,
                     arguments.tpot, experiment.classes ? ", or as the class has it" : "");
}

}  // namespace evener::cli
