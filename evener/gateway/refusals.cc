#include "evener/gateway/refusals.h"

#include <algorithm>

namespace evener::gateway {

OwnError refusal_error(const route::Refusal& refusal, std::string_view pool_name, const ClientRequest& request) {
  const std::string pool = "Pool '" + std::string(pool_name) + "'";
  const Duration later = std::max<Duration>(refusal.retry_after, std::chrono::seconds(1));
  switch (refusal.reason) {
    case route::RefusalReason::NoEndpoint:
      return {.status = 503,
              .type = "server_error",
              .code = "no_endpoint",
              .message = pool + " has no endpoint for the model '" + request.model + "'.",
              .retry_after = refusal.retry_after};
    case route::RefusalReason::AllDown:
      return {.status = 503,
              .type = "server_error",
              .code = "all_endpoints_down",
              .message = pool + " has no endpoint that can take a request now; try again later.",
              .retry_after = later};
    case route::RefusalReason::QueueFull:
      return {.status = 429,
              .type = "rate_limit_error",
              .code = "queue_full",
              .message = pool + " is at its capacity and its queue is full; try again later.",
              .retry_after = later};
    case route::RefusalReason::QueueTimeout:
      return {.status = 503,
              .type = "server_error",
              .code = "queue_timeout",
              .message = "The request waited for capacity as long as it may (queue.wait_max of pool '" + std::string(pool_name) + "').",
              .retry_after = later};
    case route::RefusalReason::DeadlineUnmeetable:
      return {.status = 503,
              .type = "server_error",
              .code = "deadline_unmeetable",
              .message = pool + " is too busy to answer within the request's first-token objective; try again later.",
              .retry_after = later};
    case route::RefusalReason::ClassShed:
      return {.status = 429,
              .type = "rate_limit_error",
              .code = "class_shed",
              .message = pool + " is at its capacity, and the request's place in the queue went to a more urgent one; try again later.",
              .retry_after = later};
    case route::RefusalReason::TenantShare:
      return {.status = 429,
              .type = "rate_limit_error",
              .code = "tenant_share",
              .message = pool + " is at its capacity, and as many requests of this tenant wait as may (tenants.share_max); try again later.",
              .retry_after = later};
    case route::RefusalReason::ZoneUnavailable:
      return {.status = 503,
              .type = "server_error",
              .code = "zone_unavailable",
              .message = pool + " has no usable endpoint in the zones that this request's data may go to; it is not sent elsewhere.",
              .retry_after = later};
    case route::RefusalReason::ModalityUnsupported:
      return {.status = 400,
              .type = "invalid_request_error",
              .code = "modality_unsupported",
              .message = pool + " has no endpoint that takes the images, sounds or films of this request."};
    case route::RefusalReason::ContextTooLong:
      return {.status = 400,
              .type = "invalid_request_error",
              .code = "context_length_exceeded",
              .message = "The prompt (about " + std::to_string(request.view.prompt_tokens) + " tokens) and the bound of the answer (" +
                         std::to_string(request.view.output_tokens_max) + ") do not fit into the context of any endpoint of pool '" +
                         std::string(pool_name) + "'."};
    case route::RefusalReason::RateLimited:
      return {.status = 429,
              .type = "rate_limit_error",
              .code = "rate_limited",
              .message = pool + " has only external endpoints for this request, and their rate limits leave too little; try again later.",
              .retry_after = later};
    case route::RefusalReason::SpendLimit:
      return {.status = 503,
              .type = "server_error",
              .code = "spend_limit",
              .message = pool + " has only external endpoints for this request, and what may be spent there leaves too little.",
              .retry_after = refusal.retry_after};
    case route::RefusalReason::AdapterUnknown:
      return {.status = 404,
              .type = "invalid_request_error",
              .code = "adapter_unknown",
              .message = pool + " has no endpoint that has the adapter '" + request.model + "' or would load it."};
    case route::RefusalReason::RetryBudget:
    case route::RefusalReason::AttemptsExhausted: break;
  }
  return {.status = 502, .type = "server_error", .code = "endpoint_failed", .message = pool + " could not serve the request."};
}

OwnError failure_error(route::Ending ending, std::uint32_t attempts, std::string_view why) {
  const std::string tried =
      " (" + std::to_string(attempts) + (attempts == 1 ? " attempt: " : " attempts, the last: ") + std::string(why) + ").";
  if (ending == route::Ending::Timeout) {
    return {.status = 504, .type = "server_error", .code = "first_token_timeout", .message = "No endpoint answered in time" + tried};
  }
  return {.status = 502, .type = "server_error", .code = "endpoint_failed", .message = "No endpoint could serve the request" + tried};
}

OwnError body_error(BodyFault fault, std::uint64_t limit_bytes) {
  if (fault == BodyFault::TooLarge) return large_body_error(limit_bytes);
  if (fault == BodyFault::Late) {
    return {.status = 408,
            .type = "invalid_request_error",
            .code = "request_timeout",
            .message = "The request did not arrive in time; send it faster and without long pauses."};
  }
  return {.status = 400, .type = "invalid_request_error", .code = "malformed_request", .message = "the chunked body is malformed"};
}

OwnError large_body_error(std::uint64_t limit_bytes) {
  return {.status = 413,
          .type = "invalid_request_error",
          .code = "body_too_large",
          .message = "The body is larger than " + std::to_string(limit_bytes) + " bytes (limits.body_bytes)."};
}

OwnError memory_error() {
  return {.status = 503,
          .type = "server_error",
          .code = "memory_limit",
          .message = "The gateway holds as many request bodies as it may (limits.memory_bytes); try again.",
          .retry_after = std::chrono::seconds(1)};
}

}  // namespace evener::gateway
