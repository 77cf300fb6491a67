#pragma once
// What somebody outside says of replicas; what he leaves out is not known.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "evener/actuators/actuator.h"

namespace evener::actuators {

struct ReplicasSaid {
  std::optional<std::uint32_t> replicas, ready;
  std::vector<std::string> endpoints;  // at most AddressesMax

  /// What is there, where `asked` replicas were asked for: nothing before the first wish, when those that have an address are all that is known.
  [[nodiscard]] Replicas with(std::optional<std::uint32_t> asked) const {
    const auto known = asked.value_or(static_cast<std::uint32_t>(endpoints.size()));
    return {.desired = replicas.value_or(known), .ready = ready.value_or(0), .endpoints = endpoints, .trouble = {}};
  }
};

}  // namespace evener::actuators
