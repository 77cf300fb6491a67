#pragma once
// The first part of the demo: a load through one gateway, with the accident in its middle, while somebody watches.

#include <functional>
#include <optional>
#include <stop_token>

#include "evener/cli/demo/cluster.h"
#include "evener/cli/demo/failover.h"
#include "evener/cli/demo/live_view.h"
#include "evener/cli/demo/scenario.h"
#include "evener/load/report.h"

namespace evener::cli::demo {

struct LiveRunOptions {
  Timetable times;
  std::uint64_t seed = 1;
  std::string policy;
  std::string admin_token_file;
};

struct LiveRun {
  load::LoadReport report;
  Failover failover;
  std::optional<double> first_answer_unix_s;
  LiveFrame last;  // as it stood before the load ended
};

/// Blocks. `show` gets a frame four times per second, on this thread.
[[nodiscard]] Result<LiveRun> run_live(const Scenario& scenario, Cluster& cluster, const LiveRunOptions& options,
                                       const std::stop_token& stop, const std::function<void(const LiveFrame&)>& show);

}  // namespace evener::cli::demo
