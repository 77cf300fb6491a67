#pragma once
// The configuration of `evener serve`, as plain values with their defaults. How it is written, checked and documented is
// gateway/config_schema.cc: one definition that yields the YAML reader, the JSON Schema and the reference page.

#include <chrono>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "evener/core/time.h"
#include "evener/gateway/config_admission.h"
#include "evener/gateway/config_external.h"
#include "evener/gateway/config_scale.h"
#include "evener/gateway/config_scheduling.h"
#include "evener/protocol/engine_kind.h"
#include "evener/protocol/load_figures.h"
#include "evener/route/scheduler.h"

namespace evener::gateway {

using protocol::EngineKind;

inline constexpr std::string_view AnyAdapter = "*";
inline constexpr std::size_t EndpointsMax = 10'000;  // of one pool, whether a file or an operator names them

/// Where an engine publishes what its KV cache holds.
struct KvEventsConfig {
  std::string address;                    // tcp://host:port; empty = not followed
  std::string replay;                     // where missed events are asked for; empty = nowhere
  std::string topic;                      // only messages whose topic begins so

  bool operator==(const KvEventsConfig&) const = default;
};

struct EndpointConfig {
  std::string name;                       // unique in the pool; default: host:port
  std::string url;                        // http://host:port[/prefix]
  EngineKind engine = EngineKind::OpenAi;
  double weight = 1;                      // 0.001..1000
  std::uint32_t capacity = 0;             // most requests in flight; 0 = no limit
  double tier = 1;                        // about how strong it is beside the others
  std::string zone;                       // "edge", "cloud", a region
  double power_watts = 0;                 // drawn at full load; 0 = unknown
  std::vector<route::Modality> modalities;  // kinds of input it takes; empty = all
  std::uint32_t context_tokens_max = 0;     // prompt and answer together; 0 = unknown
  PriceConfig price;                        // all zero = its zone's
  ExternalConfig external;
  std::vector<std::string> adapters;          // LoRA adapters that it has; "*" = it loads any other
  std::map<std::string, std::string> models;  // served name -> the name this endpoint knows; empty = all of the pool's, unchanged
  std::string api_key_env;                // environment variable that holds the bearer token sent to it; empty = none
  KvEventsConfig kv_events;
  std::uint16_t metrics_port = 0;         // where its load report is asked for; 0 = its own port, or its engine's usual one

  bool operator==(const EndpointConfig&) const = default;
};

struct HealthCheckConfig {
  bool enabled = true;
  std::string path;                       // empty = the engine's own (vLLM /health, Triton /v2/health/ready, ...)
  Duration interval = std::chrono::seconds(2);
  Duration timeout = std::chrono::seconds(1);
  std::uint32_t rise = 2;
  std::uint32_t fall = 3;

  bool operator==(const HealthCheckConfig&) const = default;
};

/// A figure of the load report taken from a metric that the operator names.
struct MetricConfig {
  std::string metric;
  std::map<std::string, std::string> labels;  // only samples that have these
  double scale = 1;
  protocol::Combine combine = protocol::Combine::Sum;

  bool operator==(const MetricConfig&) const = default;
};

/// What endpoints are asked about their load.
struct LoadReportConfig {
  bool enabled = true;
  bool in_answers = true;                 // ORCA headers
  Duration interval = std::chrono::seconds(1);
  Duration timeout = std::chrono::seconds(1);
  std::string path;                       // empty = found out
  std::map<std::string, MetricConfig> figures;  // by protocol::FigureNames' keys

  bool operator==(const LoadReportConfig&) const = default;
};

/// When a request may be sent again after its connection died: the endpoint may have begun to work on it. Inference is safe to repeat;
/// an external API that charges per call may want ReusedConnection (a kept connection that was closed as we wrote) or Never.
enum class ResetRetry : std::uint8_t { Any, ReusedConnection, Never };

struct RetryConfig {
  route::RetrySettings budget;
  std::vector<std::uint16_t> statuses = {429, 502, 503};  // answers that mean "not taken", tried elsewhere
  ResetRetry on_reset = ResetRetry::Any;  // the connection died before anything reached the client

  bool operator==(const RetryConfig&) const = default;
};

/// What becomes of a stream that breaks off in mid-answer. For engines that know continue_final_message, see protocol/continuation.h.
struct ContinuationConfig {
  bool enabled = false;

  bool operator==(const ContinuationConfig&) const = default;
};

/// Zero means "no limit" for the durations that say so.
struct TimeoutConfig {
  Duration connect = std::chrono::seconds(2);
  Duration first_token = std::chrono::seconds(120);   // of a streamed answer: to its first content; 0 = none
  std::map<std::string, Duration> first_token_by_class;  // by the name of the request's class; others use first_token
  Duration whole_answer = std::chrono::seconds(0);    // of any other: to the first byte of its body, which comes when it is complete; 0 = none
  Duration between_tokens = std::chrono::seconds(120);  // 0 = none
  Duration total = std::chrono::seconds(0);           // 0 = none
  Duration upstream_idle = std::chrono::seconds(4);   // kept connections; below uvicorn's 5 s

  bool operator==(const TimeoutConfig&) const = default;
};

struct PoolConfig {
  std::string name;
  std::vector<std::string> models;              // exact names, or with one * ; matched exact first, then the longest pattern
  std::map<std::string, std::string> adapters;  // LoRA adapter, asked for as a model -> its base model
  std::string path_prefix;                      // any HTTP inference server: requests below this path, no body inspection
  route::PolicyKind policy = route::PolicyKind::Balanced;
  route::CompositionSettings composition;  // of policy: composed
  PrefixIndexConfig prefix_index;
  std::map<std::string, ZoneConfig> zones;
  std::map<std::string, DataClassConfig> data_classes;
  std::string default_data_class;  // of requests that name none; empty = they may go anywhere
  SpendConfig spend;               // at all external endpoints together
  bool decision_header = false;
  std::vector<std::string> session_headers = {"x-session-id"};  // first present one is the affinity key; then the body's keys
  std::vector<EndpointConfig> endpoints;
  ScaleConfig scale;
  EndpointConfig replica;          // what each replica that `scale` starts is like; its name and url come with it
  HealthCheckConfig health_check;
  LoadReportConfig load_reports;
  route::OutlierSettings outlier;
  RetryConfig retry;
  ContinuationConfig continuation;
  route::QueueSettings queue;
  ClassesConfig classes;
  TenantsConfig tenants;
  route::LearnedCapacitySettings learned_capacity;
  route::HedgingSettings hedging;
  TimeoutConfig timeouts;
  Duration slow_start = std::chrono::seconds(0);
  double panic_threshold = 0.5;           // 0..1

  bool operator==(const PoolConfig&) const = default;
};

struct AdminConfig {
  std::string listen = "127.0.0.1:9900";  // empty = no admin listener
  std::string token_file;                 // empty = a token is made at start; the log names its file

  bool operator==(const AdminConfig&) const = default;
};

struct LimitsConfig {
  std::uint64_t body_bytes = 32ULL << 20;
  std::uint64_t body_bytes_per_s_min = 1024; // a body that lags behind this by timeouts.body_idle is refused; 0 = silence alone counts
  std::uint64_t memory_bytes = 1ULL << 30;   // all request bodies held at one time; beyond it 503 with Retry-After
  std::uint32_t head_bytes = 32U << 10;      // request line and headers
  std::uint32_t connections = 100000;        // client connections

  bool operator==(const LimitsConfig&) const = default;
};

struct ClientTimeoutConfig {
  Duration head = std::chrono::seconds(10);
  Duration body_idle = std::chrono::seconds(30);
  Duration send_idle = std::chrono::seconds(60);    // a client that takes nothing of its answer
  Duration keep_alive = std::chrono::seconds(75);
  Duration drain = std::chrono::seconds(600);

  bool operator==(const ClientTimeoutConfig&) const = default;
};

struct AccessLogConfig {
  std::string path = "-";                 // "-" = standard output; empty = off

  bool operator==(const AccessLogConfig&) const = default;
};

struct Config {
  std::vector<std::string> listen = {"127.0.0.1:8080"};
  std::uint32_t workers = 0;              // 0 = the CPUs that affinity and cgroup quota allow
  std::string handover_socket;            // Unix socket over which a new process takes the listeners; empty = off
  AdminConfig admin;
  LimitsConfig limits;
  ClientTimeoutConfig timeouts;
  AccessLogConfig access_log;
  std::map<std::string, std::string> aliases;  // model asked for -> model routed
  std::string default_model;                   // of requests that may go without one; empty = the pool of "*" takes them
  std::vector<PoolConfig> pools;
  Duration dns_refresh = std::chrono::seconds(30);

  bool operator==(const Config&) const = default;
};

}  // namespace evener::gateway
