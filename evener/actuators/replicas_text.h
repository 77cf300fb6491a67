#pragma once
// What a command says of replicas, as lines of text: `replicas 3`, `ready 2`, and the URL of each endpoint. Other lines are for people.

#include <string_view>

#include "evener/actuators/replicas_said.h"

namespace evener::actuators {

[[nodiscard]] ReplicasSaid read_replicas_text(std::string_view text);

}  // namespace evener::actuators
