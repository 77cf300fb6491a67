#pragma once
// The gateways of a simulation: a scheduler each, what all of them hear of the endpoints, and when they look around: ticks while requests wait, health
// checks after trouble. Who gets a request and what becomes of it is for the simulation.

#include <deque>
#include <vector>

#include "evener/core/rng.h"
#include "evener/lab/simulation.h"
#include "evener/lab/simulation_parts.h"

namespace evener::lab {

/// Not thread-safe. What it is given outlives it.
class SimulatedGateways {
 public:
  SimulatedGateways(const Scenario& scenario, const Rng& rng, SimulationTime& time);

  /// Of the gateway that the request came to.
  [[nodiscard]] route::Scheduler& of(std::uint32_t request) {
    return schedulers_.size() == 1 ? schedulers_.front() : schedulers_[rng_.fork(GatewayStream).fork(request).below(schedulers_.size())];
  }
  [[nodiscard]] std::deque<route::Scheduler>& schedulers() { return schedulers_; }

  void join(std::uint32_t endpoint);
  void tell(std::uint32_t endpoint, const route::LoadReport& report);

  /// A request waits: ticks come until none does.
  void begin_ticking();
  void tick();
  /// After a tick, and what it released.
  void plan_tick();

  /// There was trouble, which brings on a check at once; false when one is to come anyway. Checks then go on until the endpoint has been found well often
  /// enough, as in the gateway.
  [[nodiscard]] bool look_after(std::uint32_t endpoint);
  void check(std::uint32_t endpoint, route::Scheduler::Check found);
  /// After a check, and what it released.
  void plan_check(std::uint32_t endpoint, route::Scheduler::Check found);

 private:
  struct Watch {
    std::uint32_t checks_left = 0;  // good ones that the schedulers have yet to hear of
    bool checking = false;
  };

  const Scenario& scenario_;
  Rng rng_;
  SimulationTime& time_;
  std::deque<route::Scheduler> schedulers_;
  std::vector<Watch> watches_;  // by endpoint
  bool ticking_ = false;
};

}  // namespace evener::lab
