#include "evener/lab/simulated_gateways.h"

#include <algorithm>

namespace evener::lab {
namespace {

constexpr Duration TickPeriod = std::chrono::milliseconds(100);  // what the gateway does, too

}  // namespace

using Kind = SimulationEvent::Kind;
using route::Scheduler;

SimulatedGateways::SimulatedGateways(const Scenario& scenario, const Rng& rng, SimulationTime& time)
    : scenario_(scenario), rng_(rng), time_(time), watches_(scenario.endpoints.size()) {
  Rng seeds = rng_.fork(SchedulerStream);
  for (std::uint32_t gateway = 0; gateway < scenario.gateways; ++gateway) schedulers_.emplace_back(scenario.pool, seeds.next());
}

void SimulatedGateways::join(std::uint32_t endpoint) {
  for (Scheduler& scheduler : schedulers_) scheduler.put_endpoint(id_of(endpoint), scenario_.endpoints[endpoint].settings, time_.now);
}

void SimulatedGateways::tell(std::uint32_t endpoint, const route::LoadReport& report) {
  for (Scheduler& scheduler : schedulers_) scheduler.load_reported(id_of(endpoint), report, time_.now);
}

void SimulatedGateways::begin_ticking() {
  if (ticking_) return;
  ticking_ = true;
  time_.after(TickPeriod, {.kind = Kind::Tick});
}

void SimulatedGateways::tick() {
  for (Scheduler& scheduler : schedulers_) scheduler.tick(time_.now);
}

void SimulatedGateways::plan_tick() {
  ticking_ = std::any_of(schedulers_.begin(), schedulers_.end(), [](const Scheduler& scheduler) { return scheduler.queued() > 0; });
  if (ticking_) time_.after(TickPeriod, {.kind = Kind::Tick});
}

bool SimulatedGateways::look_after(std::uint32_t endpoint) {
  if (!scenario_.pool.check.enabled) return false;
  watches_[endpoint].checks_left = scenario_.pool.check.rise;
  return !watches_[endpoint].checking;
}

void SimulatedGateways::check(std::uint32_t endpoint, Scheduler::Check found) {
  watches_[endpoint].checking = false;
  for (Scheduler& scheduler : schedulers_) scheduler.checked(id_of(endpoint), found, time_.now);
}

void SimulatedGateways::plan_check(std::uint32_t endpoint, Scheduler::Check found) {
  Watch& watch = watches_[endpoint];
  watch.checks_left = found == Scheduler::Check::Failed ? scenario_.pool.check.rise : watch.checks_left - 1;
  if (watch.checks_left == 0) return;
  watch.checking = true;
  time_.after(scenario_.check_period, {.kind = Kind::Check, .subject = endpoint});
}

}  // namespace evener::lab
