#include "evener/route/autoscale/behaviour.h"

#include <algorithm>
#include <cmath>

namespace evener::route::autoscale {

using std::chrono::seconds;

Behaviour Behaviour::kubernetes() {
  return {.up = {.policies = {{.unit = StepPolicy::Unit::Percent, .most = 100, .period = seconds(15)},
                              {.unit = StepPolicy::Unit::Replicas, .most = 4, .period = seconds(15)}}},
          .down = {.stabilisation = seconds(300), .policies = {{.unit = StepPolicy::Unit::Percent, .most = 100, .period = seconds(15)}}}};
}

Pace::Step Pace::step(Instant now, std::uint32_t current, std::uint32_t recommended) {
  if (recommendations_.empty()) recommendations_.add(now, current);
  recommendations_.add(now, recommended);
  const std::uint32_t up_to = recommendations_.least(now - behaviour_.up.stabilisation);
  const std::uint32_t down_to = recommendations_.greatest(now - behaviour_.down.stabilisation);
  const std::uint32_t stable = current < up_to ? up_to : current > down_to ? down_to : current;
  const std::uint32_t stepped = stable > current   ? std::min(stable, most(now, current))
                                : stable < current ? std::max(stable, least(now, current))
                                                   : stable;
  return {.replicas = stepped, .brake = stepped != stable ? Brake::Stepped : stable != recommended ? Brake::Stabilised : Brake::None};
}

void Pace::changed(Instant now, std::uint32_t from, std::uint32_t to) {
  changes_.push_back({now, static_cast<double>(to) - static_cast<double>(from)});
  while (changes_.front().at <= now - PeriodMax) changes_.pop_front();
}

double Pace::at_start(Instant now, std::uint32_t current, Duration period) const {
  double replicas = current;
  for (auto each = changes_.rbegin(); each != changes_.rend() && each->at > now - period; ++each) replicas -= each->replicas;
  return std::max(replicas, 0.0);
}

std::uint32_t Pace::most(Instant now, std::uint32_t current) const {
  const Direction& up = behaviour_.up;
  if (up.select == Select::Disabled) return current;
  if (up.policies.empty()) return ReplicasMax;
  double chosen = up.select == Select::Largest ? 0 : ReplicasMax;
  for (const StepPolicy& policy : up.policies) {
    const double start = at_start(now, current, policy.period);
    const double reach =
        policy.unit == StepPolicy::Unit::Replicas ? start + policy.most : std::ceil(start * (1 + policy.most / 100) - 1e-9);
    chosen = up.select == Select::Largest ? std::max(chosen, reach) : std::min(chosen, reach);
  }
  return std::max(static_cast<std::uint32_t>(std::clamp(chosen, 0.0, static_cast<double>(ReplicasMax))), current);
}

std::uint32_t Pace::least(Instant now, std::uint32_t current) const {
  const Direction& down = behaviour_.down;
  if (down.select == Select::Disabled) return current;
  if (down.policies.empty()) return 0;
  double chosen = down.select == Select::Largest ? ReplicasMax : 0;
  for (const StepPolicy& policy : down.policies) {
    const double start = at_start(now, current, policy.period);
    const double reach =
        policy.unit == StepPolicy::Unit::Replicas ? start - policy.most : std::floor(start * (1 - policy.most / 100) + 1e-9);
    chosen = down.select == Select::Largest ? std::min(chosen, reach) : std::max(chosen, reach);
  }
  return std::min(static_cast<std::uint32_t>(std::clamp(chosen, 0.0, static_cast<double>(ReplicasMax))), current);
}

}  // namespace evener::route::autoscale
