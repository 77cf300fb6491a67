#pragma once
// Decisions as JSON, for GET /decisions and GET /explain and for whoever shows them (evener explain).

#include <cstddef>
#include <string>
#include <string_view>

#include "evener/gateway/control.h"

namespace evener::gateway {

/// On the control thread. The newest first, at most `most` of each pool; of one pool or one request where they are named.
[[nodiscard]] std::string decisions_json(Control& control, std::string_view pool_name, std::string_view request_id, std::size_t most);
/// On the control thread. Where a request for the model would go now.
[[nodiscard]] std::string explain_json(Control& control, std::string_view pool_name, std::string_view model);

}  // namespace evener::gateway
