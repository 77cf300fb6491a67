#pragma once
// Fluid scaling: a scaler against a recorded rate of requests, in virtual time and without single requests. Load is a fluid that replicas
// drain at a fixed rate; what they cannot drain waits. Weeks take a fraction of a second, which is what tuning needs; it knows no
// batching, no caches and no latencies but the wait.

#include <cstdint>
#include <vector>

#include "evener/lab/rate_series.h"
#include "evener/route/autoscale/scaler.h"

namespace evener::lab {

struct FluidScenario {
  double replica_rate = 1;                       // requests per second that one replica drains
  Duration service = std::chrono::seconds(1);    // that a request is at a replica: what is in flight follows from it
  Duration startup = std::chrono::seconds(180);  // a replica that starts is paid for and drains nothing
  Duration tick = std::chrono::seconds(15);      // one reading and one decision per tick
  double noise = 0.22;                           // coefficient of variation of each tick's load (gamma), beside the recorded rate
  Duration wait_max = std::chrono::seconds(5);   // a tick violates when the backlog would take longer
  double training = 0.5;                         // share of the series that is only tuned on
  std::uint64_t seed = 1;
};

struct FluidScore {
  double hours = 0;              // of the part that is scored
  double replica_hours = 0;      // paid for, those that start included
  double clairvoyant_hours = 0;  // replicas that each tick's load needs, at least one, without start-up
  double violation_minutes = 0;
  double requests = 0, violating = 0;  // requests that arrive in ticks that violate
  std::uint64_t changes = 0;
  std::uint32_t peak = 0;  // most replicas

  [[nodiscard]] double over_clairvoyant() const { return clairvoyant_hours > 0 ? replica_hours / clairvoyant_hours : 0; }
  [[nodiscard]] double violating_share() const { return requests > 0 ? violating / requests : 0; }
};

struct FluidResult {
  FluidScore training, scored;
};

/// Ticks from the first rate of a series to its last. A run takes as long as there are; those who ask keep them below this limit.
[[nodiscard]] std::uint64_t fluid_ticks(const RateSeries& series, Duration tick);
inline constexpr std::uint64_t FluidTicksMax = 20'000'000;

/// What a tick saw.
struct FluidTick {
  double rate = 0;                           // requests per second that came
  std::uint32_t replicas = 0, starting = 0;  // paid for; those of them that do not serve yet
};

/// Every tick is appended to `ticks` when there is one.
[[nodiscard]] FluidResult run_fluid(const RateSeries& series, const FluidScenario& scenario, route::autoscale::Scaler& scaler,
                                    std::vector<FluidTick>* ticks = nullptr);

}  // namespace evener::lab
