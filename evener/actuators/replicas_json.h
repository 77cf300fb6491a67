#pragma once
// What a webhook's answer says of replicas: {"replicas": 3, "ready": 2, "endpoints": ["http://10.0.0.1:8000"]}, each of them if it likes.

#include <string>
#include <string_view>

#include "evener/actuators/replicas_said.h"
#include "evener/core/result.h"

namespace evener::actuators {

/// A text that is no JSON object says nothing: many answer "ok". An object with one of these that is of another kind is an error.
[[nodiscard]] Result<ReplicasSaid, std::string> read_replicas_json(std::string_view text);

}  // namespace evener::actuators
