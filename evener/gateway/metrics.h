#pragma once
// What the gateway counts, and the handles through which it counts. Names follow Prometheus' rules; see docs/metrics.md for the list.

#include <array>
#include <cstdint>
#include <memory>
#include <string_view>

#include "evener/route/scheduler.h"
#include "evener/telemetry/registry.h"

namespace evener::gateway {

/// Handles of one endpoint; resolved when it appears.
struct EndpointMetrics {
  std::array<telemetry::Counter, 8> attempts;   // by route::Ending
  telemetry::Histogram first_token_seconds;
  telemetry::Counter connections_opened, connections_reused;
};

enum class HedgeResult : std::uint8_t { Won, Lost, NotAllowed };

/// Handles of one pool.
struct PoolMetrics {
  std::array<telemetry::Counter, 6> requests;   // by status class: 0 = no answer (client left), 1..5
  telemetry::Histogram request_seconds, first_token_seconds, time_per_token_seconds;
  std::array<telemetry::Histogram, route::Priorities> queue_seconds;  // by route::Priority
  telemetry::Histogram first_token_error, token_error, total_error;   // of predictions
  telemetry::Counter prefix_expected, prefix_cached, prefix_error;
  std::array<telemetry::Counter, 3> hedges;     // by HedgeResult
  telemetry::Counter hedge_tokens;
  telemetry::Counter preemptions;
  telemetry::Counter retries, prompt_tokens, completion_tokens, cached_tokens, large_events;
  telemetry::Counter continuations_done, continuations_failed;
  std::array<telemetry::Counter, route::RefusalReasons> refusals;  // by route::RefusalReason
};

/// Handles of what belongs to no pool.
struct ServerMetrics {
  telemetry::UpDown connections, active;
  telemetry::Counter connections_total, bad_requests, unrouted, connections_refused, memory_refused;
};

[[nodiscard]] std::string_view ending_name(route::Ending ending);  // "ok", "refused", ...

/// Declares the families on a registry and resolves handles from them. Thread-safe as the registry is.
class GatewayMetrics {
 public:
  /// `endpoints_max` bounds the series per endpoint family.
  GatewayMetrics(telemetry::Registry& registry, std::size_t endpoints_max);

  [[nodiscard]] EndpointMetrics endpoint(std::string_view pool, std::string_view endpoint);
  [[nodiscard]] PoolMetrics pool(std::string_view pool);
  void drop_endpoint(std::string_view pool, std::string_view endpoint);
  [[nodiscard]] const ServerMetrics& server() const { return server_; }
  [[nodiscard]] telemetry::Registry& registry() { return registry_; }

 private:
  telemetry::Registry& registry_;
  telemetry::Registry::Family<telemetry::Counter> attempts_, opened_, reused_, requests_, retries_, hedges_, hedge_tokens_, preemptions_, tokens_, prefix_tokens_, refusals_,
      large_events_, continuations_;
  telemetry::Registry::Family<telemetry::Histogram> endpoint_first_token_, request_seconds_, first_token_, queue_, per_token_,
      first_token_error_, token_error_, total_error_;
  ServerMetrics server_;
};

}  // namespace evener::gateway
