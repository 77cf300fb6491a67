#pragma once
// Actuator: what starts and stops the replicas of one pool: processes on this host, a command, an orchestrator's API. It does as it is told
// and says what is there; how many there should be is decided in route/autoscale, and whether one of them serves by the health checks of
// the gateway.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "evener/core/result.h"
#include "evener/core/time.h"

namespace evener::actuators {

/// Addresses that one actuator may tell of, and bytes of each; further and longer ones are left out.
inline constexpr std::size_t AddressesMax = 10'000;
inline constexpr std::size_t AddressBytesMax = 256;

/// What is there, as the actuator knows it.
struct Replicas {
  std::uint32_t desired = 0;           // that it works towards; unlike what was asked for where something else changes it too
  std::uint32_t ready = 0;             // of these, that serve as far as it can tell; 0 if it cannot
  std::vector<std::string> endpoints;  // URLs of those that it has an address of, those that start included; may be empty
  std::string trouble;                 // for people: why there are fewer than desired; empty = nothing is wrong

  bool operator==(const Replicas&) const = default;
};

/// What should be there.
struct Wish {
  std::string pool;
  std::uint32_t replicas = 0;
  std::string reason;  // for people: "4 -> 6: forecast asks for 7 ..."
  std::vector<std::string>
      stop_first;  // of Replicas::endpoints, when it shrinks: these have been drained. Others go only when these are too few
};

struct ActuatorError {
  std::string message;  // whom it asked, what came back, what to do
  MayRetry may_retry = MayRetry::Yes;
  std::optional<Duration> retry_after;  // when whom it asked said so
};

/// Calls block, each no longer than the time-out that its settings name, and come from one thread that serves no request. A wish that is
/// repeated does nothing more, so that one whose answer was lost may be made again. The destructor ends what cannot live without it.
class Actuator {
 public:
  Actuator() = default;
  Actuator(const Actuator&) = delete;
  Actuator& operator=(const Actuator&) = delete;
  virtual ~Actuator() = default;

  /// The word of the configuration: "process", "kubernetes".
  [[nodiscard]] virtual std::string_view kind() const = 0;
  /// Whether observe() tells more than the last wish did; if not, nothing is known before the first.
  [[nodiscard]] virtual bool observes() const { return true; }
  [[nodiscard]] virtual Result<Replicas, ActuatorError> observe() = 0;
  /// Gives what is there after the wish was accepted, which need not be fulfilled yet.
  [[nodiscard]] virtual Result<Replicas, ActuatorError> set(const Wish& wish) = 0;
};

}  // namespace evener::actuators
