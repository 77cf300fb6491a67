#pragma once
// What a webhook's answer says of replicas: {"replicas": 3, "ready": 2, "endpoints": ["http://10.0.0.1:8000"]}, each of them if it likes.

#include <cstdint>
#include <string>
#include <string_view>

#include "evener/actuators/replicas_said.h"
#include "evener/core/result.h"

namespace evener::actuators {

/// Whether a text that is no JSON object says nothing, as many answer a wish with "ok", or is an error, as where it was asked what is there.
enum class Silence : std::uint8_t { Allowed, Refused };

/// An object with one of these that is of another kind is an error.
[[nodiscard]] Result<ReplicasSaid, std::string> read_replicas_json(std::string_view text, Silence silence);

}  // namespace evener::actuators
