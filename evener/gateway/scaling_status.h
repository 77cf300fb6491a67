#pragma once
// What the operator sees of scalers: as JSON and as metrics.

#include <string>

#include "evener/core/time.h"
#include "evener/gateway/scaling.h"
#include "evener/telemetry/registry.h"

namespace evener::gateway {

/// The value of GET /scaling.
[[nodiscard]] std::string scaling_json(const Scaling& scaling, Instant now);
/// Until the collection goes.
[[nodiscard]] telemetry::Registry::Collection collect_scaling(telemetry::Registry& registry, const Scaling& scaling);

}  // namespace evener::gateway
