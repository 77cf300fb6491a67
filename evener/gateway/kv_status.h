#pragma once
// What is known of endpoints' KV caches from their events, for the operator: in GET /status and as metrics.

#include <cstddef>
#include <span>

#include "evener/base/json_writer.h"
#include "evener/gateway/control.h"
#include "evener/gateway/kv_subscriber.h"
#include "evener/telemetry/registry.h"

namespace evener::gateway {

/// The entry of an endpoint; null when its events are not followed.
[[nodiscard]] const KvEndpointStatus* find_kv(std::span<const KvEndpointStatus> all, EndpointId id);
/// The value of "kv_events"; null when there is none.
void write_kv_events(JsonWriter& json, const KvEndpointStatus* status);
/// Looked up whenever somebody scrapes, which the admin listener does on the control thread.
[[nodiscard]] telemetry::Registry::Collection collect_kv_events(telemetry::Registry& registry, Control& control, KvSubscriber& subscriber,
                                                                std::size_t series_max);

}  // namespace evener::gateway
