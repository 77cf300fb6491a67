#pragma once
// The part of a pool's configuration that is about how many replicas it has. Values and how they are written; what they mean is in
// docs/scaling.md. The scaler that they describe is made here, for the gateway and for the lab alike.

#include <cstdint>
#include <string>
#include <vector>

#include "evener/base/config/schema.h"
#include "evener/gateway/config_actuator.h"
#include "evener/route/autoscale/backlog.h"
#include "evener/route/autoscale/objective.h"
#include "evener/route/autoscale/panic_window.h"
#include "evener/route/autoscale/predictive_floor.h"
#include "evener/route/autoscale/scaler.h"
#include "evener/route/autoscale/schedule.h"
#include "evener/route/autoscale/target_tracking.h"

namespace evener::gateway {

inline constexpr std::size_t ScaledPoolsMax = 64;

enum class ControllerKind : std::uint8_t { Target, Panic, Backlog, Objective, Schedule, Predictive };

enum class Day : std::uint8_t { Monday, Tuesday, Wednesday, Thursday, Friday, Saturday, Sunday };

struct ScheduleRuleConfig {
  std::vector<Day> days;  // empty = every day
  std::string from = "00:00", until = "24:00";
  std::uint32_t replicas = 1;

  bool operator==(const ScheduleRuleConfig&) const = default;
};

/// Structs of their own, as the defaults of the two directions differ. Without policies, those of Kubernetes hold.
struct UpConfig {
  route::autoscale::Direction rules;

  bool operator==(const UpConfig&) const = default;
};
struct DownConfig {
  route::autoscale::Direction rules{.stabilisation = std::chrono::seconds(300)};

  bool operator==(const DownConfig&) const = default;
};
struct BehaviourConfig {
  UpConfig up;
  DownConfig down;

  bool operator==(const BehaviourConfig&) const = default;
};

/// One kind of replica of several, such as two sorts of machines.
struct KindConfig {
  std::string name;
  double capacity = 1;        // of one, in replicas as the controllers count them
  double price_per_hour = 0;  // of one
  std::uint32_t least = 0, most = 4;
  ActuatorConfig actuator;

  bool operator==(const KindConfig&) const = default;
};

struct ScaleConfig {
  ActuatorConfig actuator;
  std::vector<KindConfig> kinds;
  std::vector<ControllerKind> controllers = {ControllerKind::Target};
  route::autoscale::ScalerSettings limits{.least = 1, .most = 4};  // but for its behaviour
  Duration every = std::chrono::seconds(15);                       // between two readings
  Duration drain_max = std::chrono::minutes(5);                    // that a replica which is no longer wanted may take to end its requests
  BehaviourConfig behaviour;
  route::autoscale::TargetTrackingSettings target;
  route::autoscale::PanicWindowSettings panic;
  route::autoscale::BacklogSettings backlog;
  route::autoscale::ObjectiveSettings objective;
  std::vector<ScheduleRuleConfig> schedule;
  route::autoscale::PredictiveFloorSettings predictive;

  [[nodiscard]] bool enabled() const { return actuator.kind != ActuatorKind::None || !kinds.empty(); }
  bool operator==(const ScaleConfig&) const = default;
};

[[nodiscard]] config::Of<ScaleConfig> describe_scale();
[[nodiscard]] std::string check_time_of_day(std::string_view text);

/// The kinds of replicas of an enabled pool; a pool that names none has one without a name.
[[nodiscard]] std::vector<KindConfig> kinds_of(const ScaleConfig& config);
[[nodiscard]] route::autoscale::ScalerSettings scaler_settings(const ScaleConfig& config);
[[nodiscard]] route::autoscale::Scaler make_scaler(const ScaleConfig& config);
/// Whether both ask for the same controllers with the same settings, so that what these have learned may stay.
[[nodiscard]] bool same_controllers(const ScaleConfig& a, const ScaleConfig& b);

}  // namespace evener::gateway
