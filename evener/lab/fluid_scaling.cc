#include "evener/lab/fluid_scaling.h"

#include <algorithm>
#include <cmath>
#include <deque>

#include "evener/core/rng.h"
#include "evener/lab/laws.h"

namespace evener::lab {
namespace {

/// The replicas of the pool: those that serve, and those that start with the tick from which they will.
class Fleet {
 public:
  explicit Fleet(std::uint32_t ready) : ready_(ready) {}

  /// Returns how many begin to serve.
  std::uint32_t advance(std::uint64_t tick) {
    const std::uint32_t before = ready_;
    for (; !starting_.empty() && starting_.front() <= tick; starting_.pop_front()) ++ready_;
    return ready_ - before;
  }
  /// Those that start are given up first, the latest of them before the others.
  void resize(std::uint32_t replicas, std::uint64_t serving_from) {
    while (replicas > count()) starting_.push_back(serving_from);
    for (; replicas < count() && !starting_.empty(); starting_.pop_back()) {}
    ready_ = std::min(ready_, replicas);
  }
  [[nodiscard]] std::uint32_t ready() const { return ready_; }
  [[nodiscard]] std::uint32_t starting() const { return static_cast<std::uint32_t>(starting_.size()); }
  [[nodiscard]] std::uint32_t count() const { return ready() + starting(); }

 private:
  std::uint32_t ready_;
  std::deque<std::uint64_t> starting_;
};

double noisy(double rate, const FluidScenario& scenario, const Rng& root, std::uint64_t tick) {
  Rng rng = root.fork(tick);  // the same load for every scaler
  return draw_gamma(rng, rate, scenario.noise);
}

}  // namespace

std::uint64_t fluid_ticks(const RateSeries& series, Duration tick) {
  return static_cast<std::uint64_t>(seconds(series.step) * static_cast<double>(series.rates.size() - 1) / seconds(tick));
}

FluidResult run_fluid(const RateSeries& series, const FluidScenario& scenario, route::autoscale::Scaler& scaler,
                      std::vector<FluidTick>* ticks_seen) {
  const double tick_s = seconds(scenario.tick);
  const std::uint64_t ticks = fluid_ticks(series, scenario.tick);
  const auto training = static_cast<std::uint64_t>(static_cast<double>(ticks) * scenario.training);
  const auto startup_ticks = static_cast<std::uint64_t>(std::ceil(seconds(scenario.startup) / tick_s));
  const Rng root(scenario.seed);

  constexpr double FirstShare = 0.7;  // the pool starts with what its first load needs, and some room
  Fleet fleet(std::max(route::autoscale::replicas_for(series.rates.front(), FirstShare * scenario.replica_rate), std::uint32_t{1}));
  FluidResult result;
  double backlog = 0;
  for (std::uint64_t tick = 0; tick < ticks; ++tick) {
    for (std::uint32_t begins = fleet.advance(tick); begins > 0; --begins) scaler.started(scenario.startup);
    FluidScore& score = tick < training ? result.training : result.scored;
    const double rate = noisy(series.at(static_cast<std::int64_t>(tick) * scenario.tick), scenario, root, tick);
    const double drained = fleet.ready() * scenario.replica_rate;
    backlog = std::max(0.0, backlog + (rate - drained) * tick_s);
    if (backlog > drained * seconds(scenario.wait_max)) {
      score.violation_minutes += tick_s / 60;
      score.violating += rate * tick_s;
    }
    score.requests += rate * tick_s;
    score.hours += tick_s / 3600;
    score.replica_hours += fleet.count() * tick_s / 3600;
    score.clairvoyant_hours += std::max(1.0, std::ceil(rate / scenario.replica_rate)) * tick_s / 3600;
    score.peak = std::max(score.peak, fleet.count());
    if (ticks_seen != nullptr) ticks_seen->push_back({.rate = rate, .replicas = fleet.count(), .starting = fleet.starting()});

    const route::autoscale::Decision decision =
        scaler.decide({.now = Instant(static_cast<std::int64_t>(tick + 1) * scenario.tick),
                       .arrivals_per_s = rate,
                       .in_flight = std::min(rate, drained) * seconds(scenario.service),
                       .queued = backlog,
                       .ready = fleet.ready(),
                       .starting = fleet.starting(),
                       .minute_of_week = static_cast<std::uint32_t>(static_cast<double>(tick) * tick_s / 60) % (7 * 24 * 60)});
    if (decision.desired == fleet.count()) continue;
    ++score.changes;
    fleet.resize(decision.desired, tick + 1 + startup_ticks);
  }
  return result;
}

}  // namespace evener::lab
