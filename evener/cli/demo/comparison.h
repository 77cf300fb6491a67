#pragma once
// Several policies under the same load: the same requests at the same moments with the same lengths, each policy with a gateway and a fleet
// of its own. All run at the same time, so that whatever else this machine does strikes all of them alike, and each gets the whole time.

#include <functional>
#include <optional>
#include <span>
#include <stop_token>
#include <string>
#include <vector>

#include "evener/cli/demo/scenario.h"
#include "evener/core/result.h"
#include "evener/load/report.h"
#include "evener/route/policy.h"

namespace evener::cli::demo {

struct EngineShare {
  std::string name;
  double share = 0;     // of the requests, 0..1
  double capacity = 0;  // of the fleet, 0..1
};

/// What one policy made of the load. Times in seconds; nothing when no request was answered.
struct PolicyFigures {
  std::string policy;
  std::optional<double> ttft_p50_s, ttft_p99_s, tpot_p50_s;
  double goodput_per_s = 0;  // requests within the objectives per second of load
  std::uint64_t requests = 0, errors = 0;
  std::vector<EngineShare> engines;  // as in the scenario
};

struct Comparison {
  double rate_per_s = 0, load_s = 0;
  load::Objectives objectives;
  std::vector<PolicyFigures> policies;
  double lateness_p99_s = 0;  // how far behind its schedule the load was: above some ms the machine was busy
};

/// The policies that can do something with a load without sessions.
[[nodiscard]] std::span<const route::PolicyKind> compared_policies();

[[nodiscard]] PolicyFigures figures_of(std::string policy, const load::LoadReport& report, const Scenario& scenario, Duration load_time);

/// Blocks. `elapsed` is told about four times per second, from another thread, how long the load has been running. Stopped early, the
/// figures are those of what was answered until then.
[[nodiscard]] Result<Comparison> compare_policies(const Scenario& scenario, Duration load_time, std::uint64_t seed,
                                                  const std::stop_token& stop, const std::function<void(double elapsed_s)>& elapsed);

}  // namespace evener::cli::demo
