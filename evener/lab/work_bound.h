#pragma once
// Work bound: what a replica can do of a run's work at the very best, so that a search for fleets need not simulate those that are too small whatever
// the policy does. It takes each step of an engine as full as it can be and every prefix that occurs twice as cached.

#include <array>

#include "evener/lab/fleet_search.h"
#include "evener/lab/simulation.h"

namespace evener::lab {

/// The least prompt tokens to compute and tokens to generate so that this share of the requests are done in time, and until when that can be; nothing
/// is bounded where requests wait for others (sessions, stages) or have no objective, because then slow answers put off the work.
struct WorkNeeded {
  std::array<double, WorkMeasures> tokens{};
  double time_s = 0;  // 0 = not bounded
};
[[nodiscard]] WorkNeeded work_needed(const Workload& workload, double good_share);

/// Of a replica like this one, the parts for FleetKind; 1 where nothing is known.
[[nodiscard]] std::array<double, WorkMeasures> part_max(const SimulatedEndpoint& replica, const WorkNeeded& needed);

}  // namespace evener::lab
