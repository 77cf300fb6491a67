#pragma once
// MachineGroup: machines of a cloud that come and go as one group, with the few calls that the clouds' APIs have in common. MachineActuator makes an actuator of
// any of them: which machines are engines with addresses, and which of them go when it shrinks.

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "evener/actuators/actuator.h"

namespace evener::actuators {

struct Machine {
  std::string id;       // as remove() takes it
  std::string address;  // private; empty if it has none yet
  bool serves = false;  // as far as the cloud knows
  bool ending = false;  // counts no more
};

struct MachineList {
  std::uint32_t desired = 0;
  std::vector<Machine> machines;
  std::string trouble;
};

/// Calls block. Not thread-safe.
class MachineGroup {
 public:
  MachineGroup() = default;
  MachineGroup(const MachineGroup&) = delete;
  MachineGroup& operator=(const MachineGroup&) = delete;
  virtual ~MachineGroup() = default;

  [[nodiscard]] virtual std::string_view kind() const = 0;
  [[nodiscard]] virtual Result<MachineList, ActuatorError> read() = 0;
  [[nodiscard]] virtual Result<void, ActuatorError> resize(std::uint32_t machines) = 0;
  /// Ends these and asks for as many fewer.
  [[nodiscard]] virtual Result<void, ActuatorError> remove(const std::vector<std::string>& ids) = 0;
};

/// Not thread-safe.
class MachineActuator final : public Actuator {
 public:
  /// `port` is that engines listen on; 0 = addresses are not told.
  MachineActuator(std::unique_ptr<MachineGroup> group, std::uint16_t port) : group_(std::move(group)), port_(port) {}

  [[nodiscard]] std::string_view kind() const override { return group_->kind(); }
  [[nodiscard]] Result<Replicas, ActuatorError> observe() override;
  [[nodiscard]] Result<Replicas, ActuatorError> set(const Wish& wish) override;

 private:
  [[nodiscard]] std::vector<std::string> drained(const MachineList& list, const Wish& wish) const;
  [[nodiscard]] Replicas replicas_of(const MachineList& list) const;

  std::unique_ptr<MachineGroup> group_;
  std::uint16_t port_;
};

}  // namespace evener::actuators
