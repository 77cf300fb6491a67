#pragma once
// How to ask an engine whether it can serve, and what its answer means. Values only: who asks, how often, and how many answers count is the
// health checker's.

#include <cstdint>
#include <string>
#include <string_view>

#include "evener/protocol/engine_kind.h"

namespace evener::protocol {

/// Which answer means healthy.
enum class HealthRule : std::uint8_t {
  Success,          // any 2xx; 503 means it is still loading
  SuccessOrDenied,  // 2xx, or 401 or 403: it lives and wants a key that the probe does not have
  NoServerError,    // any status below 500: nothing is known about what stands at this path
  ModelAvailable,   // 200, and some version of the model is AVAILABLE (TensorFlow Serving)
};

struct HealthProbe {
  std::string path;
  HealthRule rule = HealthRule::Success;
};

/// The GET request to send. `path` of the configuration wins over the engine's own and then wants a 2xx. `model` is needed by TensorFlow Serving
/// alone; without one its probe can only tell that something answers.
[[nodiscard]] HealthProbe health_probe(EngineKind kind, std::string_view path = {}, std::string_view model = {});

enum class HealthAnswer : std::uint8_t { Healthy, Loading, Unhealthy };

/// `body` is looked at by ModelAvailable only; 64 KiB of it are enough.
[[nodiscard]] HealthAnswer read_health(HealthRule rule, std::uint16_t status, std::string_view body);

}  // namespace evener::protocol
