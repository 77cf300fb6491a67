#pragma once
// A command of the operator's as actuator: it is run with the number of replicas that there should be, and may print what there is. For
// whatever has a command line: docker, nomad, ssh.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "evener/actuators/actuator.h"
#include "evener/actuators/exec_settings.h"
#include "evener/actuators/replicas_said.h"

namespace evener::actuators {

class ExecActuator final : public Actuator {
 public:
  /// Of EVENER_STOP_FIRST; the kernel starts no program with a variable of more than 128 KiB. Replicas whose
  /// URLs do not fit are for the command to choose.
  static constexpr std::size_t StopFirstBytesMax = 96U << 10;

  ExecActuator(std::string pool, ExecSettings settings) : pool_(std::move(pool)), settings_(std::move(settings)) {}

  [[nodiscard]] std::string_view kind() const override { return "exec"; }
  [[nodiscard]] bool observes() const override { return !settings_.status.empty(); }
  [[nodiscard]] Result<Replicas, ActuatorError> observe() override;
  /// The command also finds the wish in EVENER_POOL, EVENER_REPLICAS, EVENER_REASON and EVENER_STOP_FIRST (URLs with blanks between).
  [[nodiscard]] Result<Replicas, ActuatorError> set(const Wish& wish) override;

 private:
  [[nodiscard]] Result<ReplicasSaid, ActuatorError> run(const std::vector<std::string>& words, const Wish& wish) const;

  std::string pool_;
  ExecSettings settings_;
  std::optional<std::uint32_t> asked_;  // by the latest wish that was accepted
};

}  // namespace evener::actuators
