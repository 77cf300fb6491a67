#pragma once
// Processes on this host as replicas: each is one place with a number and a port, and a program that runs there. One that ends unasked is
// started again, later each time it fails soon; one that is no longer wanted is asked to end, and killed when it does not.

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "evener/actuators/actuator.h"
#include "evener/actuators/child.h"
#include "evener/actuators/process_settings.h"

namespace evener::actuators {

/// Not thread-safe.
class ProcessActuator final : public Actuator {
 public:
  static constexpr Duration RestartPauseMax = std::chrono::minutes(5);
  /// One that ran for as long did not fail soon.
  static constexpr Duration Settled = std::chrono::minutes(1);

  ProcessActuator(std::string pool, ProcessSettings settings, std::function<Instant()> clock);
  /// Asks all of them to end and waits for that, at most for the grace.
  ~ProcessActuator() override;

  [[nodiscard]] std::string_view kind() const override { return "process"; }
  /// Also notices who has ended and starts what is due.
  [[nodiscard]] Result<Replicas, ActuatorError> observe() override;
  [[nodiscard]] Result<Replicas, ActuatorError> set(const Wish& wish) override;
  /// For those that start from now on.
  void configure(ProcessSettings settings);

 private:
  struct Place {
    std::uint32_t number = 0;
    bool wanted = false;
    std::optional<Child> child;
    std::uint16_t port = 0;
    std::string url;
    Instant started{}, kill_at{};
    Instant start_at{};          // not before
    std::uint32_t failures = 0;  // starts in a row that failed soon
    [[nodiscard]] bool stopping() const { return child && !wanted; }
    [[nodiscard]] bool running() const { return child && wanted; }
  };

  void settle(Instant now);
  void notice_end(Place& place, Instant now);
  void start(Place& place, Instant now);
  void put_off(Place& place, Instant now, std::string why);
  void stop(Place& place, Instant now);
  [[nodiscard]] std::uint32_t wanted() const;
  [[nodiscard]] Replicas replicas() const;

  std::string pool_;
  ProcessSettings settings_;
  std::function<Instant()> clock_;
  std::vector<Place> places_;
  std::uint32_t target_ = 0;
  std::string trouble_;
};

}  // namespace evener::actuators
