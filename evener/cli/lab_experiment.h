#pragma once
// What the commands of `evener lab` simulate, read from their arguments: engines, load, policies, objectives.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "evener/core/result.h"
#include "evener/lab/simulation.h"
#include "evener/lab/summary.h"
#include "evener/lab/trace.h"
#include "evener/lab/workloads.h"

namespace CLI {
class App;
}

namespace evener::cli {

struct LabArguments {
  std::string trace, workload, engines = "h100x2-32b-coarse=8", policies = "round-robin,least-request", loads = "1", reports, classes;
  std::string ttft = "2s", tpot = "100ms";
  std::uint64_t seeds = 1, requests = 0, seed = 1;
  std::uint32_t block_tokens = 512, queue = 1024, tenants = 0;
  double prompt_error = 0, sample = 1;
  bool as_recorded = false, json = false;
};

/// The options that all of them share.
void declare_experiment(CLI::App& app, LabArguments& arguments);

struct Experiment {
  lab::Scenario scenario;  // without policy and seed
  std::vector<std::string> policies;
  std::vector<double> loads;
  lab::Objectives objectives;
  std::optional<lab::Trace> trace;  // else a named load
  const lab::NamedLoad* named = nullptr;
  std::optional<lab::ClassMix> classes;
  std::uint32_t tenants = 0;
  std::uint64_t requests = 0;
  double sample = 1;
  bool as_recorded = false;

  [[nodiscard]] lab::Workload workload(double load, std::uint64_t seed) const;
  [[nodiscard]] lab::Scenario scenario_for(const std::string& policy, std::uint64_t seed) const;
};

/// Says on standard error what of a trace could not be read.
[[nodiscard]] Result<Experiment> read_experiment(const LabArguments& arguments);

}  // namespace evener::cli
