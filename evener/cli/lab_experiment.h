#pragma once
// What the commands of `evener lab` simulate, read from their arguments: engines, load, policies, objectives.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "evener/core/result.h"
#include "evener/gateway/config.h"
#include "evener/lab/made_load.h"
#include "evener/lab/simulation.h"
#include "evener/lab/summary.h"
#include "evener/lab/trace.h"

namespace CLI {
class App;
}

namespace evener::cli {

struct LabArguments {
  std::string config, pool;  // a file of `evener serve`, and which of its pools
  std::string trace, workload, engines, policies, loads = "1", reports, classes, tenants;
  std::string from, length;  // the part of a trace or of made-up load; empty = all
  std::string ttft = "2s", tpot = "100ms";
  std::uint64_t requests = 0, seed = 1;
  std::optional<std::uint32_t> block_tokens, queue;  // nothing = as the file has it, or the usual
  double prompt_error = 0, sample = 1, malformed_max = 0.01;
  bool as_recorded = false, closed_loop = false, json = false;
};

/// The options that all of them share.
void declare_experiment(CLI::App& app, LabArguments& arguments);
/// Of those that run several policies.
void declare_policies(CLI::App& app, LabArguments& arguments);

struct LabTenant {
  std::string name;
  std::uint64_t hash = 0;  // what the scheduler knows it by
  double share = 1;        // of the requests, beside those of the others
};

/// The factors of the load that can be simulated.
struct LoadRange {
  double least = 0, most = 0;
};

struct Experiment {
  lab::Scenario scenario;  // without policy and seed
  std::vector<route::PolicyKind> policies;
  std::vector<double> loads;
  LoadRange load_range;
  lab::Objectives objectives;
  std::optional<lab::Trace> trace;  // or else
  std::optional<lab::MadeLoad> made_load;
  std::optional<lab::ClassMix> classes;
  std::vector<LabTenant> tenants;
  bool tenants_recorded = false;  // the requests have them already
  std::optional<Duration> from, length;
  std::uint64_t requests = 0;
  double sample = 1;
  bool as_recorded = false, closed_loop = false;
  bool from_file = false;  // the pool is that of a file

  [[nodiscard]] lab::Workload workload(double load, std::uint64_t seed) const;
  [[nodiscard]] lab::Scenario scenario_for(route::PolicyKind policy, std::uint64_t seed) const;
};

/// `pool`: of a configuration file, when there is one. Says on standard error what of a trace could not be read.
[[nodiscard]] Result<Experiment> read_experiment(const LabArguments& arguments, const gateway::PoolConfig* pool = nullptr);

}  // namespace evener::cli
