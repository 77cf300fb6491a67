#pragma once
// Answers of our own: which status, code and words tell a client why it is not served and whether it may try again. One table, no state.

#include <cstdint>
#include <string>
#include <string_view>

#include "evener/core/time.h"
#include "evener/gateway/client_request.h"
#include "evener/route/scheduler.h"

namespace evener::gateway {

/// `type` and `code` are OpenAI's, so that its SDKs raise the matching exception.
struct OwnError {
  std::uint16_t status = 500;
  std::string_view type, code;
  std::string message;
  Duration retry_after{};  // 0 = no Retry-After
};

/// The pool's scheduler refused it.
[[nodiscard]] OwnError refusal_error(const route::Refusal& refusal, std::string_view pool_name, const ClientRequest& request);
/// Its attempts failed; `why` is the latest one's.
[[nodiscard]] OwnError failure_error(route::Ending ending, std::uint32_t attempts, std::string_view why);
[[nodiscard]] OwnError body_error(BodyFault fault, std::uint64_t limit_bytes);
[[nodiscard]] OwnError large_body_error(std::uint64_t limit_bytes);
[[nodiscard]] OwnError memory_error();

}  // namespace evener::gateway
