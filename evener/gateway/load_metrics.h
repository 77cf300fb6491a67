#pragma once
// The load reports of endpoints as metrics of ours. What an endpoint did not say has no series: a dashboard must not show it as zero.

#include <cstddef>

#include "evener/gateway/control.h"
#include "evener/telemetry/registry.h"

namespace evener::gateway {

/// Looked up whenever somebody scrapes, which the admin listener does on the control thread.
[[nodiscard]] telemetry::Registry::Collection collect_load_reports(telemetry::Registry& registry, Control& control, std::size_t series_max);

}  // namespace evener::gateway
