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

/// A request's own objectives, in milliseconds: 1..3,600,000 to the first token, 1..60,000 between two. What is no such number is ignored.
inline constexpr std::string_view FirstTokenHeader = "x-evener-first-token-ms";
inline constexpr std::string_view TokenHeader = "x-evener-token-ms";
/// Of a tenant's name in the log.
inline constexpr std::size_t TenantLoggedMax = 64;

/// Sets priority, tenant and objectives of the view; where the request brings no objective, those of its class. `tier` is what the body's
/// service_tier said; the header goes before it. Gives the tenant's name as it stands in the headers; empty when the request has none.
[[nodiscard]] std::string_view classify(route::RequestView& view, const ClassesConfig& classes, const TenantsConfig& tenants,
                                        const net::http1::Headers& headers, std::optional<protocol::PriorityHint> tier);

}  // namespace evener::gateway
