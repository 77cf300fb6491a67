#include "evener/actuators/machine_group.h"

#include <algorithm>

#include "evener/actuators/engine_url.h"

namespace evener::actuators {

Result<Replicas, ActuatorError> MachineActuator::observe() {
  const auto list = group_->read();
  if (!list) return tl::unexpected(list.error());
  return replicas_of(*list);
}

Result<Replicas, ActuatorError> MachineActuator::set(const Wish& wish) {
  auto list = group_->read();
  if (!list) return tl::unexpected(list.error());
  // First those that have nothing left to do. Each lowers the group's size by one, so that what is missing then is the rest.
  const std::vector<std::string> ids = drained(*list, wish);
  if (!ids.empty()) {
    if (auto removed = group_->remove(ids); !removed) return tl::unexpected(removed.error());
    list->desired -= static_cast<std::uint32_t>(ids.size());
    for (Machine& machine : list->machines) {
      if (std::find(ids.begin(), ids.end(), machine.id) != ids.end()) machine.ending = true;
    }
  }
  if (list->desired != wish.replicas) {
    if (auto resized = group_->resize(wish.replicas); !resized) return tl::unexpected(resized.error());
    list->desired = wish.replicas;
  }
  return replicas_of(*list);
}

std::vector<std::string> MachineActuator::drained(const MachineList& list, const Wish& wish) const {
  std::vector<std::string> ids;
  if (port_ == 0 || list.desired <= wish.replicas) return ids;
  const std::size_t surplus = list.desired - wish.replicas;
  for (const Machine& machine : list.machines) {
    if (ids.size() == surplus) break;
    if (machine.ending || machine.address.empty()) continue;
    const std::string url = engine_url(machine.address, port_);
    if (std::find(wish.stop_first.begin(), wish.stop_first.end(), url) != wish.stop_first.end()) ids.push_back(machine.id);
  }
  return ids;
}

Replicas MachineActuator::replicas_of(const MachineList& list) const {
  Replicas replicas{.desired = list.desired, .ready = 0, .endpoints = {}, .trouble = list.trouble};
  for (const Machine& machine : list.machines) {
    if (machine.ending) continue;
    if (machine.serves) ++replicas.ready;
    if (port_ != 0 && !machine.address.empty() && replicas.endpoints.size() < AddressesMax) {
      replicas.endpoints.push_back(engine_url(machine.address, port_));
    }
  }
  std::sort(replicas.endpoints.begin(), replicas.endpoints.end());
  return replicas;
}

}  // namespace evener::actuators
