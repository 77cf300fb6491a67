#pragma once
// What the commands of `evener lab` simulate, read from their arguments: engines, load, policies, objectives.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "evener/core/result.h"
#include "evener/gateway/config.h"
#include "evener/lab/simulation.h"
#include "evener/lab/summary.h"
#include "evener/lab/trace.h"
#include "evener/lab/workloads.h"

namespace CLI {
class App;
}

namespace evener::cli {

struct LabArguments {
  std::string config, pool;  // a file of `evener serve`, and which of its pools
  std::string trace, workload, engines, policies, loads = "1", reports, classes, tenants;
  std::string ttft = "2s", tpot = "100ms";
  std::uint64_t requests = 0, seed = 1;
  std::optional<std::uint32_t> block_tokens, queue;  // nothing = as the file has it, or the usual
  double prompt_error = 0, sample = 1;
  bool as_recorded = false, json = false;
};

/// The options that all of them share.
void declare_experiment(CLI::App& app, LabArguments& arguments);

struct LabTenant {
  std::string name;
  std::uint64_t hash = 0;  // what the scheduler knows it by
  double share = 1;        // of the requests, beside those of the others
};

struct Experiment {
  lab::Scenario scenario;  // without policy and seed
  std::vector<route::PolicyKind> policies;
  std::vector<double> loads;
  lab::Objectives objectives;
  std::optional<lab::Trace> trace;  // else a named load
  const lab::NamedLoad* named = nullptr;
  std::optional<lab::ClassMix> classes;
  std::vector<LabTenant> tenants;
  std::uint64_t requests = 0;
  double sample = 1;
  bool as_recorded = false;
  bool from_file = false;  // the pool is that of a file

  [[nodiscard]] lab::Workload workload(double load, std::uint64_t seed) const;
  [[nodiscard]] lab::Scenario scenario_for(route::PolicyKind policy, std::uint64_t seed) const;
};

/// `pool`: of a configuration file, when there is one. Says on standard error what of a trace could not be read.
[[nodiscard]] Result<Experiment> read_experiment(const LabArguments& arguments, const gateway::PoolConfig* pool = nullptr);

}  // namespace evener::cli
