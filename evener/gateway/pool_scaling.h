#pragma once
// PoolScaling: the life of one pool's scaler, turn by turn: measure the load, let the scaler of route/autoscale decide, bring the fleet to
// that, and remember why. It holds no thread and asks no clock; scaling.h gives it both.

#include <array>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "evener/gateway/config_scale.h"
#include "evener/gateway/replica_fleet.h"
#include "evener/gateway/scaled_pool.h"
#include "evener/route/autoscale/scaler.h"
#include "evener/route/autoscale/startup_times.h"

namespace evener::gateway {

struct ScalingChange {
  Instant at{};
  std::uint32_t from = 0, to = 0;
  std::string why;
};

struct KindStatus {
  std::string name;
  double capacity = 1;
  FleetStatus fleet;
};

struct ScalingStatus {
  std::string pool;
  std::uint32_t least = 0, most = 0;
  std::uint32_t wanted = 0, ready = 0;  // in replicas of capacity 1
  std::vector<KindStatus> kinds;
  std::optional<route::autoscale::Reading> reading;  // the latest, and what was decided upon it
  route::autoscale::Decision decision;
  Duration startup{};  // that is expected of a replica
  std::uint64_t grown_total = 0, shrunk_total = 0;
  std::optional<std::uint32_t> held_at;  // by an operator
  Instant held_until{};
  std::deque<ScalingChange> changes;  // newest last
  std::vector<ScaledPool::Member> members;
};

/// Not thread-safe.
class PoolScaling {
 public:
  static constexpr std::size_t ChangesKept = 32;

  using MakeActuator = std::function<std::unique_ptr<actuators::Actuator>(const KindConfig&)>;
  PoolScaling(std::string pool, const ScaleConfig& config, ScaledPool& view, MakeActuator make_actuator);

  struct Moment {
    Instant now{};
    std::uint32_t minute_of_week = 0;
    bool decide = true;  // false: what there is is looked after, and no more
  };
  /// Call it some times a second.
  void turn(const Moment& moment);
  /// What can go on from the old settings does; replicas of a kind that is no more leave the pool and end.
  void configure(const ScaleConfig& config);
  /// So many replicas until then, whatever the scaler would decide.
  void hold(std::uint32_t replicas, Instant until);
  void release() { held_at_.reset(); }

  [[nodiscard]] ScalingStatus status() const;

 private:
  struct Kind {
    KindConfig config;
    ReplicaFleet fleet;
  };
  /// Those of the configuration, in its order; whoever can go on does.
  void arrange_kinds();
  [[nodiscard]] bool known() const;
  /// In replicas of capacity 1.
  [[nodiscard]] std::uint32_t wanted() const;
  [[nodiscard]] std::uint32_t ready() const;
  void look_after(Kind& kind, Instant now, const ScaledPool::Sample& sample);
  [[nodiscard]] route::autoscale::Reading read(const Moment& moment, const ScaledPool::Sample& sample);
  void decide(const Moment& moment, const ScaledPool::Sample& sample);
  /// Replicas of another kind, which may be to take this one's place, do not serve yet.
  [[nodiscard]] bool others_start(const Kind& kind) const;
  void aim(Instant now, std::uint32_t replicas, const std::string& why);

  std::string pool_;
  ScaleConfig config_;
  ScaledPool& view_;
  MakeActuator make_actuator_;
  std::vector<std::unique_ptr<Kind>> kinds_;
  route::autoscale::Scaler scaler_;
  route::autoscale::StartupTimes startups_;
  ScaledPool::Sample at_reading_;  // the sample of the latest reading
  Instant read_at_{};
  double in_flight_sum_ = 0;  // since then, over samples_
  std::uint32_t samples_ = 0;
  bool read_once_ = false;
  std::optional<route::autoscale::Reading> reading_;
  route::autoscale::Decision decision_;
  std::deque<ScalingChange> changes_;
  std::uint64_t grown_total_ = 0, shrunk_total_ = 0;
  std::optional<std::uint32_t> held_at_;
  Instant held_until_{};
  std::vector<ScaledPool::Member> members_;
};

}  // namespace evener::gateway
