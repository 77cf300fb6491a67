#pragma once
// Reading: what a scaler is told of a pool at one moment (its sensor). Plain values; who measures them and how is for the caller.

#include <cstdint>

#include "evener/core/time.h"
#include "evener/route/view.h"

namespace evener::route::autoscale {

struct Reading {
  Instant now{};
  double arrivals_per_s = 0;         // requests, mean since the reading before
  double in_flight = 0;              // requests at the replicas that serve, mean since the reading before
  double queued = 0;                 // requests that wait for capacity, now
  std::uint32_t ready = 0;           // replicas that serve
  std::uint32_t starting = 0;        // replicas that were started and do not serve yet
  std::uint32_t unmeasured = 0;      // of those that serve: how many `in_flight` says nothing of
  std::uint32_t minute_of_week = 0;  // from Monday 00:00 in the operator's time zone; for schedules

  // For the objective: what a typical replica has been learned to do, and the usual request.
  SpeedView speed;
  double prompt_tokens = 0;  // that have to be computed, mean
  double output_tokens = 0;

  [[nodiscard]] std::uint32_t replicas() const { return ready + starting; }
};

/// What a target is about.
enum class Measure : std::uint8_t {
  Arrivals,  // requests per second
  InFlight,  // requests that are being served
  Waiting,   // requests that are being served or wait: grows with the backlog, as arrivals do not
};

[[nodiscard]] inline double measured(Measure measure, const Reading& reading) {
  switch (measure) {
    case Measure::Arrivals: return reading.arrivals_per_s;
    case Measure::InFlight: return reading.in_flight;
    case Measure::Waiting: return reading.in_flight + reading.queued;
  }
  return 0;
}

/// How much of it one replica is to have.
struct Target {
  Measure measure = Measure::Waiting;
  double per_replica = 16;  // > 0

  bool operator==(const Target&) const = default;
};

/// Readings that come sooner than this after the last one decide nothing; it bounds what the windows hold.
inline constexpr Duration ReadingGapMin = std::chrono::seconds(1);
/// The longest window over readings.
inline constexpr Duration WindowMax = std::chrono::hours(2);
inline constexpr std::uint32_t ReplicasMax = 10'000;

/// Whole replicas for a load of `load` at `per_replica`; the small allowance keeps 3.0000000001 from becoming 4.
[[nodiscard]] std::uint32_t replicas_for(double load, double per_replica);

/// Rounds up, and gives a replica up only when it is not needed by a tenth: a load at the edge between two numbers must not make a pool
/// grow and shrink in turn.
class ReplicaCount {
 public:
  static constexpr double Slack = 0.1;  // of a replica

  std::uint32_t update(double load, double per_replica) {
    const std::uint32_t needed = replicas_for(load, per_replica);
    if (needed >= count_ || replicas_for(load + Slack * per_replica, per_replica) < count_) count_ = needed;
    return count_;
  }

 private:
  std::uint32_t count_ = 0;
};

}  // namespace evener::route::autoscale
