#pragma once
// What a request says of its own urgency and of who sent it, and what of that is believed.

#include <optional>
#include <string>
#include <string_view>

#include "evener/gateway/config_admission.h"
#include "evener/net/http1/head.h"
#include "evener/protocol/priority_hint.h"
#include "evener/route/view.h"

namespace evener::gateway {

/// A request's own first-token objective, in milliseconds, 1..3,600,000; what is no such number is ignored.
inline constexpr std::string_view ObjectiveHeader = "x-evener-first-token-ms";
/// Of a tenant's name in the log.
inline constexpr std::size_t TenantLoggedMax = 64;

/// Sets priority, tenant and objective of the view. `tier` is what the body's service_tier said; the header goes before it. Gives the tenant's
/// name, cut for the log; empty when the request has none.
[[nodiscard]] std::string classify(route::RequestView& view, const ClassesConfig& classes, const TenantsConfig& tenants,
                                   const net::http1::Headers& headers, std::optional<protocol::PriorityHint> tier);

}  // namespace evener::gateway
