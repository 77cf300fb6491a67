#pragma once
// ReplicaFleet: brings what an actuator runs to a number, and keeps the pool's endpoints in step with it. A new address joins the pool once
// its check passes; a replica that is to go is drained first; what the actuator refuses is asked for again, later each time. How many
// there should be is decided elsewhere.

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "evener/actuators/actuator.h"
#include "evener/gateway/scaled_pool.h"

namespace evener::gateway {

struct FleetSettings {
  std::string pool, kind;
  Duration observe = std::chrono::seconds(5);    // between two looks at what is there
  Duration drain_max = std::chrono::minutes(5);  // that a replica may take to end its requests
};

struct FleetStatus {
  std::string_view actuator;
  std::uint32_t wanted = 0, ready = 0, draining = 0;
  std::uint32_t desired = 0;   // as the actuator last said
  std::string trouble;         // why it is not as wanted; empty = nothing is wrong
  std::uint32_t failures = 0;  // calls in a row that failed
  std::uint64_t failures_total = 0;
  std::optional<Instant> retry_at;
};

/// Not thread-safe: calls of the actuator block.
class ReplicaFleet {
 public:
  static constexpr Duration RetryMin = std::chrono::seconds(1), RetryMax = std::chrono::minutes(1);
  static constexpr Duration RetryAfterMax = std::chrono::hours(1);  // whom it asks may ask for a pause of at most this

  /// What is there already is taken over.
  ReplicaFleet(FleetSettings settings, std::unique_ptr<actuators::Actuator> actuator, ScaledPool& pool);

  /// Looks at what is there, and does what is due. Call it some times a second, with a fresh sample of its replicas.
  void turn(Instant now, const ScaledPool::Sample& sample);
  /// How many there should be.
  void aim(Instant now, std::uint32_t replicas, std::string reason);
  void configure(FleetSettings settings) { settings_ = std::move(settings); }
  /// The same replicas are looked after by another actuator from now on.
  void replace(std::unique_ptr<actuators::Actuator> actuator) {
    actuator_ = std::move(actuator);
    next_look_ = retry_at_ = {};
  }
  /// Its replicas leave the pool; for the end of it.
  void leave();

  /// Those that there should be; draining ones are not among them.
  [[nodiscard]] std::uint32_t wanted() const { return wanted_; }
  /// Of these, those that serve.
  [[nodiscard]] std::uint32_t ready() const { return ready_; }
  /// Requests in flight at its replicas, as far as their addresses are known; else at the whole pool.
  [[nodiscard]] std::uint32_t in_flight(const ScaledPool::Sample& sample) const;
  /// False until it is known what is there.
  [[nodiscard]] bool known() const { return known_; }
  /// How long the replicas took that began to serve since the last call.
  [[nodiscard]] std::vector<Duration> take_startups() { return std::exchange(startups_, {}); }
  [[nodiscard]] FleetStatus status() const;
  [[nodiscard]] actuators::Actuator& actuator() { return *actuator_; }

 private:
  /// That the actuator should have.
  [[nodiscard]] std::uint32_t to_be_there() const { return wanted_ + static_cast<std::uint32_t>(draining_.size()); }
  void observe(Instant now);
  void observed(const actuators::Replicas& replicas);
  void failed(Instant now, const actuators::ActuatorError& error);
  void follow_addresses(Instant now, const ScaledPool::Sample& sample);
  void count_ready(Instant now, const ScaledPool::Sample& sample);
  void stop_drained(Instant now, const ScaledPool::Sample& sample);
  void ask(Instant now);
  void succeeded();
  void grow(std::uint32_t by);
  void shrink(Instant now, std::uint32_t by);

  FleetSettings settings_;
  std::unique_ptr<actuators::Actuator> actuator_;
  ScaledPool& pool_;
  ScaledPool::Sample sample_;
  actuators::Replicas there_;
  std::uint32_t wanted_ = 0, ready_ = 0;
  std::map<std::string, Instant> draining_;  // address -> until when
  std::set<std::string> stopping_;           // drained; the actuator is to stop these
  std::deque<Instant> grown_;                // when each replica was asked for that does not serve yet
  std::map<std::string, Instant> checked_since_;
  std::vector<Duration> startups_;
  std::string reason_, error_;
  std::uint32_t failures_ = 0;
  std::uint64_t failures_total_ = 0;
  Instant next_look_{}, retry_at_{};
  std::uint32_t unasked_ = 0;  // replicas more that the actuator has not accepted yet
  bool known_ = false;
  bool addressed_ = false;  // it names addresses: what is in flight and ready is counted by those
};

}  // namespace evener::gateway
