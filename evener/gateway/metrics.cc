#include "evener/gateway/metrics.h"

namespace evener::gateway {
namespace {

// The buckets of OpenTelemetry's GenAI conventions, so that dashboards made for other servers fit.
constexpr std::array<double, 16> FirstTokenBounds = {.001, .005, .01, .02, .04, .06, .08, .1, .25, .5, .75, 1, 2.5, 5, 7.5, 10};
constexpr std::array<double, 14> RequestBounds = {.01, .02, .04, .08, .16, .32, .64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92};
constexpr std::array<double, 9> PredictionErrorBounds = {.05, .1, .2, .3, .5, .75, 1, 2, 5};
constexpr std::array<double, 13> PerTokenBounds = {.01, .025, .05, .075, .1, .15, .2, .3, .4, .5, .75, 1, 2.5};

constexpr std::array<route::Ending, 8> Endings = {route::Ending::Ok,          route::Ending::Refused, route::Ending::ServerError,
                                                  route::Ending::ConnectFailed, route::Ending::Reset,   route::Ending::Timeout,
                                                  route::Ending::BadResponse, route::Ending::Cancelled};
}  // namespace

std::string_view ending_name(route::Ending ending) {
  switch (ending) {
    case route::Ending::Ok: return "ok";
    case route::Ending::Refused: return "refused";
    case route::Ending::ServerError: return "server_error";
    case route::Ending::ConnectFailed: return "connect_failed";
    case route::Ending::Reset: return "reset";
    case route::Ending::Timeout: return "timeout";
    case route::Ending::BadResponse: return "bad_response";
    case route::Ending::Cancelled: return "cancelled";
  }
  return "unknown";
}

GatewayMetrics::GatewayMetrics(telemetry::Registry& registry, std::size_t endpoints_max) : registry_(registry) {
  attempts_ = registry.counter({.name = "evener_endpoint_attempts_total",
                                .help = "Attempts at endpoints, by how they ended.",
                                .labels = {"pool", "endpoint", "ending"},
                                .series_max = endpoints_max * Endings.size()});
  opened_ = registry.counter({.name = "evener_endpoint_connections_opened_total",
                              .help = "Connections opened to endpoints.",
                              .labels = {"pool", "endpoint"},
                              .series_max = endpoints_max});
  reused_ = registry.counter({.name = "evener_endpoint_connections_reused_total",
                              .help = "Attempts that went over a kept connection.",
                              .labels = {"pool", "endpoint"},
                              .series_max = endpoints_max});
  endpoint_first_token_ = registry.histogram({.name = "evener_endpoint_time_to_first_token_seconds",
                                              .help = "From dispatch to the first byte of the answer's body, or first content of a stream.",
                                              .labels = {"pool", "endpoint"},
                                              .series_max = endpoints_max},
                                             FirstTokenBounds);
  requests_ = registry.counter(
      {.name = "evener_requests_total", .help = "Requests by pool and class of the status sent.", .labels = {"pool", "status"}});
  retries_ = registry.counter({.name = "evener_retries_total", .help = "Attempts after the first one.", .labels = {"pool"}});
  hedges_ = registry.counter({.name = "evener_hedges_total",
                              .help = "Streams whose first token was late: by whether the second endpoint won, lost or could not be asked.",
                              .labels = {"pool", "result"}});
  hedge_tokens_ = registry.counter(
      {.name = "evener_hedge_tokens_total", .help = "Tokens that endpoints computed for attempts which another one overtook.", .labels = {"pool"}});
  preemptions_ = registry.counter({.name = "evener_preemptions_total",
                                   .help = "Background requests that gave their place at an endpoint to a realtime one.",
                                   .labels = {"pool"}});
  tokens_ = registry.counter(
      {.name = "evener_tokens_total", .help = "Tokens that endpoints reported in usage, by type.", .labels = {"pool", "type"}});
  prefix_tokens_ = registry.counter(
      {.name = "evener_prefix_tokens_total",
       .help = "Prompt tokens expected in the prefix cache of the chosen endpoint, those it then reported, and the difference.",
       .labels = {"pool", "type"}});
  first_token_error_ = registry.histogram({.name = "evener_first_token_prediction_error_ratio",
                                           .help = "Predicted time to first token of streams: how far from the real one, as a share of it.",
                                           .labels = {"pool"}},
                                          PredictionErrorBounds);
  token_error_ = registry.histogram(
      {.name = "evener_token_prediction_error_ratio", .help = "The same of the predicted time between tokens.", .labels = {"pool"}},
      PredictionErrorBounds);
  total_error_ = registry.histogram(
      {.name = "evener_total_prediction_error_ratio",
       .help = "The same of the predicted time to the last token, which rests on the expected length of the answer, too.",
       .labels = {"pool"}},
      PredictionErrorBounds);
  large_events_ = registry.counter({.name = "evener_stream_events_too_large_total",
                                    .help = "Server-sent events above 16 KiB: passed on, but only the end of each was looked at.",
                                    .labels = {"pool"}});
  continuations_ = registry.counter({.name = "evener_continuations_total",
                                     .help = "Streams that broke off and that another endpoint was to continue, by whether one did to the end.",
                                     .labels = {"pool", "result"}});
  refusals_ = registry.counter(
      {.name = "evener_refusals_total", .help = "Requests that got no endpoint, by reason.", .labels = {"pool", "reason"}});
  request_seconds_ = registry.histogram(
      {.name = "evener_request_duration_seconds", .help = "From the first byte of a request to the last of its answer.", .labels = {"pool"}},
      RequestBounds);
  first_token_ = registry.histogram({.name = "evener_time_to_first_token_seconds",
                                     .help = "From the first byte of a request to the first byte of its answer's body, or first content of a stream; retries included.",
                                     .labels = {"pool"}},
                                    FirstTokenBounds);
  queue_ = registry.histogram({.name = "evener_queue_wait_seconds", .help = "Time that requests waited for capacity.", .labels = {"pool", "class"}},
                              RequestBounds);
  per_token_ = registry.histogram({.name = "evener_time_per_output_token_seconds",
                                   .help = "Mean time between the events of a streamed answer after the first.",
                                   .labels = {"pool"}},
                                  PerTokenBounds);

  server_.connections = registry.up_down({.name = "evener_client_connections", .help = "Open client connections.", .labels = {}}).with({});
  server_.active = registry.up_down({.name = "evener_requests_active", .help = "Requests that have begun and not ended.", .labels = {}}).with({});
  server_.connections_total =
      registry.counter({.name = "evener_client_connections_total", .help = "Client connections accepted.", .labels = {}}).with({});
  server_.bad_requests =
      registry.counter({.name = "evener_bad_requests_total", .help = "Requests refused for what they are: malformed, too large, too slow, or with a body that cannot be read.", .labels = {}}).with({});
  server_.unrouted = registry
                         .counter({.name = "evener_unrouted_requests_total",
                                   .help = "Requests for a path, method or model that nobody here serves.",
                                   .labels = {}})
                         .with({});
  server_.connections_refused =
      registry.counter({.name = "evener_client_connections_refused_total", .help = "Connections over the limit.", .labels = {}}).with({});
  server_.memory_refused = registry
                               .counter({.name = "evener_memory_refusals_total",
                                         .help = "Requests refused because limits.memory_bytes was reached.",
                                         .labels = {}})
                               .with({});
}

EndpointMetrics GatewayMetrics::endpoint(std::string_view pool, std::string_view endpoint) {
  EndpointMetrics metrics;
  for (const route::Ending ending : Endings) {
    metrics.attempts[static_cast<std::size_t>(ending)] = attempts_.with({pool, endpoint, ending_name(ending)});
  }
  metrics.first_token_seconds = endpoint_first_token_.with({pool, endpoint});
  metrics.connections_opened = opened_.with({pool, endpoint});
  metrics.connections_reused = reused_.with({pool, endpoint});
  return metrics;
}

PoolMetrics GatewayMetrics::pool(std::string_view pool) {
  PoolMetrics metrics;
  constexpr std::array<std::string_view, 6> classes = {"none", "1xx", "2xx", "3xx", "4xx", "5xx"};
  for (std::size_t i = 0; i < classes.size(); ++i) metrics.requests[i] = requests_.with({pool, classes[i]});
  metrics.request_seconds = request_seconds_.with({pool});
  metrics.first_token_seconds = first_token_.with({pool});
  for (std::size_t i = 0; i < route::Priorities; ++i) {
    metrics.queue_seconds[i] = queue_.with({pool, route::priority_name(static_cast<route::Priority>(i))});
  }
  metrics.time_per_token_seconds = per_token_.with({pool});
  metrics.retries = retries_.with({pool});
  constexpr std::array<std::string_view, 3> results = {"won", "lost", "not_allowed"};
  for (std::size_t i = 0; i < results.size(); ++i) metrics.hedges[i] = hedges_.with({pool, results[i]});
  metrics.preemptions = preemptions_.with({pool});
  metrics.hedge_tokens = hedge_tokens_.with({pool});
  metrics.prefix_expected = prefix_tokens_.with({pool, "expected"});
  metrics.prefix_cached = prefix_tokens_.with({pool, "cached"});
  metrics.prefix_error = prefix_tokens_.with({pool, "error"});
  metrics.first_token_error = first_token_error_.with({pool});
  metrics.token_error = token_error_.with({pool});
  metrics.total_error = total_error_.with({pool});
  metrics.large_events = large_events_.with({pool});
  metrics.continuations_done = continuations_.with({pool, "done"});
  metrics.continuations_failed = continuations_.with({pool, "failed"});
  metrics.prompt_tokens = tokens_.with({pool, "prompt"});
  metrics.completion_tokens = tokens_.with({pool, "completion"});
  metrics.cached_tokens = tokens_.with({pool, "cached"});
  for (std::size_t i = 0; i < route::RefusalReasons; ++i) {
    metrics.refusals[i] = refusals_.with({pool, route::refusal_name(static_cast<route::RefusalReason>(i))});
  }
  return metrics;
}

void GatewayMetrics::drop_endpoint(std::string_view pool, std::string_view endpoint) {
  registry_.drop_series({{"pool", pool}, {"endpoint", endpoint}});
}

}  // namespace evener::gateway
