#pragma once
// What the operator sees of external endpoints: what was spent, what their rate limits leave; in the status and as metrics.

#include <cstddef>
#include <optional>

#include "evener/base/json_writer.h"
#include "evener/gateway/control.h"
#include "evener/telemetry/registry.h"

namespace evener::gateway {

void write_spend(JsonWriter& json, const route::SpendStatus& spend);
/// null for an endpoint that is not external.
void write_external(JsonWriter& json, const std::optional<route::ExternalStatus>& external);

/// Until the collection goes. `series_max` bounds the endpoints.
[[nodiscard]] telemetry::Registry::Collection collect_external(telemetry::Registry& registry, Control& control, std::size_t series_max);

}  // namespace evener::gateway
