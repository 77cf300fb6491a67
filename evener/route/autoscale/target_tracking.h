#pragma once
// Target tracking with the semantics of the Kubernetes HorizontalPodAutoscaler: replicas * measured / target, rounded up, unless that is
// within a tolerance of what is there; replicas that nothing is known of count against the direction in which the others would scale. Its
// stabilisation and step rules are in behaviour.h. Source: kubernetes.io/docs/tasks/run-application/horizontal-pod-autoscale.

#include "evener/route/autoscale/controller.h"
#include "evener/route/autoscale/windows.h"

namespace evener::route::autoscale {

/// A measure that each replica has for itself, such as its use of a CPU or its requests in flight.
struct ReplicaMetrics {
  double total = 0;  // over the measured ones
  std::uint32_t measured = 0;
  std::uint32_t missing = 0;    // they serve, but nothing is known: at the target when scaling down, at 0 when scaling up
  std::uint32_t not_ready = 0;  // they count as at 0 when scaling up, and not at all when scaling down
};

/// From `current` replicas towards `target` per replica. `current` when nothing is measured at all.
[[nodiscard]] std::uint32_t replicas_for_metrics(std::uint32_t current, const ReplicaMetrics& metrics, double target, double tolerance);
/// The same of a measure that belongs to the pool as a whole, such as arrivals per second or the length of a queue.
[[nodiscard]] std::uint32_t replicas_for_total(std::uint32_t current, double total, double target, double tolerance);

struct TargetTrackingSettings {
  Target target;
  double tolerance = 0.1;                      // of the target
  Duration window = std::chrono::seconds(60);  // that the measure is averaged over

  bool operator==(const TargetTrackingSettings&) const = default;
};

class TargetTracking final : public Controller {
 public:
  explicit TargetTracking(const TargetTrackingSettings& settings) : settings_(settings), mean_(settings.window) {}

  [[nodiscard]] std::string_view name() const override { return "target"; }
  [[nodiscard]] std::optional<Proposal> propose(const Reading& reading) override;

 private:
  TargetTrackingSettings settings_;
  TrailingMean mean_;
};

}  // namespace evener::route::autoscale
