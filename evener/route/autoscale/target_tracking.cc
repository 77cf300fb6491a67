#include "evener/route/autoscale/target_tracking.h"

#include <cmath>

namespace evener::route::autoscale {
namespace {

bool within(double ratio, double tolerance) { return std::abs(ratio - 1) <= tolerance + 1e-9; }

}  // namespace

std::uint32_t replicas_for_metrics(std::uint32_t current, const ReplicaMetrics& metrics, double target, double tolerance) {
  if (metrics.measured == 0) return current;
  const double ratio = metrics.total / metrics.measured / target;
  const bool up = ratio > 1;
  if (metrics.missing == 0 && !(up && metrics.not_ready > 0)) {
    return within(ratio, tolerance) ? current : replicas_for(metrics.total, target);
  }
  const double total = metrics.total + (up ? 0.0 : target * metrics.missing);
  const std::uint32_t counted = metrics.measured + metrics.missing + (up ? metrics.not_ready : 0);
  const double careful = total / counted / target;
  // What is not known must not turn the direction around.
  if (within(careful, tolerance) || (careful > 1) != up) return current;
  const std::uint32_t replicas = replicas_for(total, target);
  return (replicas > current) == up ? replicas : current;
}

std::uint32_t replicas_for_total(std::uint32_t current, double total, double target, double tolerance) {
  if (current > 0 && within(total / (target * current), tolerance)) return current;
  return replicas_for(total, target);
}

std::optional<Proposal> TargetTracking::propose(const Reading& reading) {
  const double load = mean_.add(reading.now, measured(settings_.target.measure, reading));
  Proposal proposal{.load = load, .per_replica = settings_.target.per_replica};
  if (settings_.target.measure == Measure::InFlight) {
    const ReplicaMetrics metrics{.total = load,
                                 .measured = reading.ready - std::min(reading.unmeasured, reading.ready),
                                 .missing = std::min(reading.unmeasured, reading.ready),
                                 .not_ready = reading.starting};
    proposal.replicas = replicas_for_metrics(reading.replicas(), metrics, proposal.per_replica, settings_.tolerance);
  } else {
    proposal.replicas = replicas_for_total(reading.replicas(), load, proposal.per_replica, settings_.tolerance);
  }
  return proposal;
}

}  // namespace evener::route::autoscale
