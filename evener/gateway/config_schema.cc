#include "evener/gateway/config_schema.h"

#include <chrono>
#include <optional>
#include <utility>

#include "evener/base/config/schema.h"
#include "evener/base/config/yaml.h"
#include "evener/gateway/config_rules.h"
#include "evener/gateway/endpoint_url.h"

namespace evener::gateway {
namespace {

using namespace evener::config;  // the vocabulary of descriptions
using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr std::string_view SchemaTitle = "Evener configuration";

constexpr std::size_t PoolsMax = 1000;
constexpr std::size_t NamesMax = 10'000;      // models of a pool, aliases
constexpr std::size_t DataClassesMax = 64;
constexpr std::size_t AdaptersMax = 256;  // of an endpoint

const std::vector<Choice<EngineKind>>& engines() {
  static const std::vector<Choice<EngineKind>> all = {
      {EngineKind::OpenAi, "openai", "Any server or external API with the OpenAI API; checked with GET /v1/models (an answer that wants a key is healthy)."},
      {EngineKind::Vllm, "vllm", "vLLM; checked with GET /health."},
      {EngineKind::Sglang, "sglang", "SGLang; checked with GET /health."},
      {EngineKind::LlamaCpp, "llama.cpp", "llama-server of llama.cpp; checked with GET /health."},
      {EngineKind::Tgi, "tgi", "Hugging Face Text Generation Inference; checked with GET /health."},
      {EngineKind::TrtLlm, "trtllm", "trtllm-serve of TensorRT-LLM; checked with GET /health."},
      {EngineKind::Triton, "triton", "NVIDIA Triton; checked with GET /v2/health/ready."},
      {EngineKind::TfServing, "tfserving", "TensorFlow Serving; checked with GET /v1/models/MODEL."},
      {EngineKind::Ollama, "ollama", "Ollama; checked with GET /api/version."},
      {EngineKind::Generic, "generic", "Any other HTTP server; checked with GET / (whatever is no server error is healthy)."},
  };
  return all;
}

TextRule name_rule() { return {.what = "a name", .bytes_max = 128, .may_be_empty = false, .pattern = "^[^\\s/\\\\\"'?#%]+$", .check = check_name}; }
TextRule model_rule() {
  return {.what = "a model name", .bytes_max = 256, .may_be_empty = false, .pattern = "^[^\\s*]+$", .check = check_model_name};
}
TextRule file_rule(std::string what) { return {.what = std::move(what), .bytes_max = 4096}; }

/// "running, waiting, ..." for people, and a pattern for editors.
std::string figure_list() {
  std::string list;
  for (const protocol::FigureName& figure : protocol::FigureNames) list.append(list.empty() ? "" : ", ").append(figure.key);
  return list;
}
std::string figure_pattern() {
  std::string pattern;
  for (const protocol::FigureName& figure : protocol::FigureNames) pattern.append(pattern.empty() ? "^(" : "|").append(figure.key);
  return pattern + ")$";
}

Of<KvEventsConfig> kv_events() {
  const auto address = [] { return text({.what = "an address tcp://host:port", .bytes_max = 1024, .pattern = "^((tcp://.+:[0-9]+)|(ipc://.+))?$", .check = check_zmq_address}); };
  return Describe<KvEventsConfig>("kv_events", "Where an engine (vLLM, SGLang) publishes over ZeroMQ what its KV cache holds; see docs/kv-events.md.")
      .field("address", &KvEventsConfig::address, address(), {.doc = "Its PUB socket. Empty: events are not followed."})
      .field("replay", &KvEventsConfig::replay, address(), {.doc = "Its replay socket, asked for events that were missed. Empty: there is none."})
      .field("topic", &KvEventsConfig::topic, text({.what = "the beginning of a topic", .bytes_max = 1024}), {.doc = "Only messages whose topic begins so are read. Empty: all."})
      .done();
}

/// What an endpoint is like, wherever it is.
Describe<EndpointConfig>& describe_traits(Describe<EndpointConfig>& description) {
  return description
      .field("engine", &EndpointConfig::engine, one_of(engines()),
             {.doc = "The software behind it; decides how its health is checked.", .example = "vllm"})
      .field("weight", &EndpointConfig::weight, number({0.001, 1000}, "to take it out of rotation drain it"),
             {.doc = "Its strength relative to the other endpoints of the pool.", .example = "2"})
      .field("capacity", &EndpointConfig::capacity, whole_number<std::uint32_t>({0, 1'000'000}),
             {.doc = "Most requests in flight; more wait in the pool's queue. 0 means no limit."})
      .field("tier", &EndpointConfig::tier, number({0.001, 1000}),
             {.doc = "About how strong it is beside the others. Where tiers differ, balanced and the scorer tier keep strong endpoints free; speed itself is learned."})
      .field("zone", &EndpointConfig::zone, text({.what = "a word of yours", .bytes_max = 64}),
             {.doc = "Where it is, such as edge, cloud or a region. See zones and data_classes of the pool."})
      .field("power_watts", &EndpointConfig::power_watts, number({0, 1e6}),
             {.doc = "What it draws at full load, for the scorer power. 0: unknown."})
      .field("modalities", &EndpointConfig::modalities, list_of(describe_modality(), {0, 4}),
             {.doc = "Kinds of input it takes; requests with others never go there. Empty: all."})
      .field("context_tokens_max", &EndpointConfig::context_tokens_max, whole_number<std::uint32_t>({0, 100'000'000}),
             {.doc = "Tokens of prompt and answer together that it can hold; a request that would not fit never goes there. 0: unknown."})
      .field("price", &EndpointConfig::price, describe_price(), {.doc = "What it charges. All zero: what its zone says."})
      .field("external", &EndpointConfig::external, describe_external(), {.doc = "For an API of somebody else's: limits and spill-over."})
      .field("adapters", &EndpointConfig::adapters,
             list_of(text({.what = "the name of an adapter, or *",
                           .bytes_max = 256,
                           .may_be_empty = false,
                           .pattern = "^(\\*|[^\\s*]+)$",
                           .check = check_adapter}),
                     {0, AdaptersMax}),
             {.doc = "LoRA adapters that it has, by the names of the pool's adapters; those that it reports count besides. * means that it "
                     "loads any other when it is asked for. Where no endpoint of the pool has such a list, all are taken to load any."})
      .field("models", &EndpointConfig::models, map_of(model_rule(), text(model_rule()), {0, NamesMax}),
             {.doc = "Models it serves, each with the name this endpoint knows it by. Empty: all of the pool's, under the names that "
                     "clients use."})
      .field("api_key_env", &EndpointConfig::api_key_env,
             text({.what = "the name of an environment variable",
                   .bytes_max = 128,
                   .pattern = "^([A-Za-z_][A-Za-z0-9_]*)?$",
                   .check = check_environment_name}),
             {.doc = "Environment variable whose value is sent to this endpoint as bearer token. Empty: the client's own Authorization "
                     "header is passed on."})
      .field("kv_events", &EndpointConfig::kv_events, kv_events(), {.doc = "The events of its KV cache."})
      .field("metrics_port", &EndpointConfig::metrics_port, whole_number<std::uint16_t>({0, 65535}),
             {.doc = "Port of its load report, when that is not the port it serves on. 0: the port it serves on; Triton's 8002."});
}

Of<EndpointConfig> endpoint() {
  auto description = Describe<EndpointConfig>("endpoint", "One address that serves.");
  description
      .field("name", &EndpointConfig::name, text(name_rule()),
             {.doc = "Unique in the pool; used in status, metrics and logs.", .example = "gpu-1", .default_text = "host:port of the url"})
      .field("url", &EndpointConfig::url,
             text({.what = "a URL http://host[:port][/prefix]",
                   .bytes_max = 1024,
                   .may_be_empty = false,
                   .pattern = "^http://[^\\s@?#\\\\]+$",
                   .check = check_endpoint_url}),
             {.doc = "Where it is. Names are resolved again every dns_refresh; a prefix is put before the request's path.",
              .example = "http://127.0.0.1:8001",
              .presence = Presence::Required});
  return describe_traits(description).done();
}

Of<EndpointConfig> replica() {
  auto description = Describe<EndpointConfig>("replica", "What the endpoints that a scaler starts are like. Their addresses come from the actuator; their names are host:port.");
  return describe_traits(description).done();
}

Of<HealthCheckConfig> health_check() {
  return Describe<HealthCheckConfig>("health_check", "Active checks: a GET now and then, whether or not there are requests.")
      .field("enabled", &HealthCheckConfig::enabled, boolean(), {.doc = "Whether endpoints are checked."})
      .field("path", &HealthCheckConfig::path, text({.what = "a path that begins with '/'", .bytes_max = 1024, .pattern = "^(/[^\\s]*)?$", .check = check_path}),
             {.doc = "Asked for with GET; an answer of 200..299 is healthy. Empty: the usual one of the endpoint's engine."})
      .field("interval", &HealthCheckConfig::interval, duration({milliseconds(50), hours(1)}), {.doc = "Between two checks of an endpoint, give or take a tenth."})
      .field("timeout", &HealthCheckConfig::timeout, duration({milliseconds(10), seconds(60)}), {.doc = "An answer that takes longer counts as a failure."})
      .field("rise", &HealthCheckConfig::rise, whole_number<std::uint32_t>({1, 100}), {.doc = "Successes in a row that bring an endpoint back."})
      .field("fall", &HealthCheckConfig::fall, whole_number<std::uint32_t>({1, 100}), {.doc = "Failures in a row that take an endpoint down."})
      .done();
}

Of<MetricConfig> metric() {
  return Describe<MetricConfig>("metric", "Where a figure is found on a page in Prometheus' text format.")
      .field("metric", &MetricConfig::metric, text({.what = "the name of a metric", .bytes_max = 256, .may_be_empty = false, .pattern = "^[a-zA-Z_:][a-zA-Z0-9_:]*$", .check = check_metric_name}),
             {.doc = "Its name.", .example = "app_busy_workers", .presence = Presence::Required})
      .field("labels", &MetricConfig::labels,
             map_of({.what = "the name of a label", .bytes_max = 128, .may_be_empty = false, .pattern = "^[a-zA-Z_][a-zA-Z0-9_]*$", .check = check_label_name},
                    text({.what = "the value of a label", .bytes_max = 1024}), {0, 16}),
             {.doc = "Only samples that have these labels count."})
      .field("scale", &MetricConfig::scale, number({1e-9, 1e9}), {.doc = "What its value is multiplied by; 0.01 makes a share of a percentage."})
      .field("combine", &MetricConfig::combine,
             one_of<protocol::Combine>({{protocol::Combine::Sum, "sum", "They add up."},
                                        {protocol::Combine::Mean, "mean", "Their mean."},
                                        {protocol::Combine::Max, "max", "The largest."}}),
             {.doc = "What several samples mean together."})
      .done();
}

Of<LoadReportConfig> load_reports() {
  using L = LoadReportConfig;
  return Describe<L>("load_reports", "What endpoints are asked about their own load: queue, cache, speed. An endpoint that has no such report is found out and left alone.")
      .field("enabled", &L::enabled, boolean(), {.doc = "Whether endpoints are asked."})
      .field("in_answers", &L::in_answers, boolean(),
             {.doc = "Whether reports in headers of answers (ORCA: endpoint-load-metrics) are read, and endpoints with engine vllm or triton are asked to add them."})
      .field("interval", &L::interval, duration({milliseconds(100), hours(1)}), {.doc = "Between two readings of an endpoint, give or take a tenth."})
      .field("timeout", &L::timeout, duration({milliseconds(10), seconds(60)}), {.doc = "An answer that takes longer counts as none."})
      .field("path", &L::path, text({.what = "a path that begins with '/'", .bytes_max = 1024, .pattern = "^(/[^\\s]*)?$", .check = check_path}),
             {.doc = "Where the report is. Empty: where the endpoint's engine has it, and if it is not there, where other engines have theirs."})
      .field("figures", &L::figures,
             map_of({.what = figure_list(), .bytes_max = 64, .may_be_empty = false, .pattern = figure_pattern(), .check = check_figure}, metric(), {0, protocol::Figures}),
             {.doc = "Figures that are read from other metrics than the engine's own: " + figure_list() + ". Totals become rates, blocks become a capacity."})
      .done();
}

Of<route::OutlierSettings> outlier() {
  using O = route::OutlierSettings;
  return Describe<O>("outlier", "Passive ejection: an endpoint whose answers fail is left alone for a while, longer each time.")
      .field("enabled", &O::enabled, boolean(), {.doc = "Whether endpoints are ejected."})
      .field("consecutive_failures", &O::consecutive_failures, whole_number<std::uint32_t>({0, 1000}), {.doc = "Failures in a row that eject. 0 turns this rule off."})
      .field("success_rate_stdev_factor", &O::success_rate_stdev_factor, number({0, 10}),
             {.doc = "Ejects an endpoint whose success rate is below the pool's mean by this many standard deviations. 0 turns this rule off."})
      .field("success_rate_min_endpoints", &O::success_rate_min_hosts, whole_number<std::uint32_t>({2, 10'000}),
             {.doc = "The success rate rule needs so many endpoints with enough requests."})
      .field("success_rate_min_requests", &O::success_rate_min_requests, whole_number<std::uint32_t>({1, 1'000'000}),
             {.doc = "Requests per interval that make an endpoint's success rate count."})
      .field("interval", &O::interval, duration({milliseconds(100), hours(1)}), {.doc = "Over which success rates are taken."})
      .field("base_ejection", &O::base_ejection, duration({milliseconds(100), hours(1)}), {.doc = "Length of an ejection, times the number of ejections so far."})
      .field("max_ejection", &O::max_ejection, duration({milliseconds(100), hours(24)}), {.doc = "Longest ejection."})
      .field("max_ejected_share", &O::max_ejected_share, number({0, 1}), {.doc = "Most of the pool that may be ejected at a time, at least one endpoint."})
      .done();
}

Of<RetryConfig> retry() {
  using B = route::RetrySettings;
  return Describe<RetryConfig>("retry", "Second attempts on another endpoint, while nothing has been sent to the client.")
      .field("attempts_max", &RetryConfig::budget, &B::attempts_max, whole_number<std::uint32_t>({1, 10}), {.doc = "Attempts per request, the first included. 1 means no retries."})
      .field("budget_share", &RetryConfig::budget, &B::budget_share, number({0, 1}),
             {.doc = "Retries in flight, as a share of the requests in flight: keeps retries from drowning a pool that is failing. What is sent elsewhere because a connection was refused or lost does not count."})
      .field("budget_min", &RetryConfig::budget, &B::budget_min, whole_number<std::uint32_t>({0, 1000}), {.doc = "Retries in flight that are allowed whatever the share."})
      .field("statuses", &RetryConfig::statuses, list_of(whole_number<std::uint16_t>({400, 599}), {0, 50}),
             {.doc = "Answers that mean the endpoint did not take the request, so that another may."})
      .field("on_reset", &RetryConfig::on_reset,
             one_of<ResetRetry>({{ResetRetry::Any, "any", "Whenever nothing has reached the client; inference is safe to repeat."},
                                 {ResetRetry::ReusedConnection, "reused-connection", "Only when a kept connection was closed as the request was written."},
                                 {ResetRetry::Never, "never", "Not at all."}}),
             {.doc = "When a request is sent again after its connection died. An external API that charges per call may want less than any."})
      .done();
}

Of<ContinuationConfig> continuation() {
  return Describe<ContinuationConfig>("continuation", "What becomes of a stream of text that breaks off in mid-answer.")
      .field("enabled", &ContinuationConfig::enabled, boolean(),
             {.doc = "Whether another endpoint is asked for the rest, so that the client sees one whole answer. Only for pools whose engines "
                     "all know continue_final_message: vLLM, SGLang, TGI, llama.cpp from May 2026. Requests are kept until their answers end."})
      .done();
}

Of<route::QueueSettings> queue() {
  using Q = route::QueueSettings;
  return Describe<Q>("queue", "Where requests wait while every endpoint is at its capacity.")
      .field("requests_max", &Q::requests_max, whole_number<std::uint32_t>({0, 1'000'000}),
             {.doc = "Most that wait; more are refused with 429 and Retry-After. 0 means none waits."})
      .field("wait_max", &Q::wait_max, duration({milliseconds(1), hours(1)}), {.doc = "Longest wait."})
      .done();
}

Of<route::HedgingSettings> hedging() {
  using H = route::HedgingSettings;
  return Describe<H>("hedging", "Asking a second endpoint when the first token of a stream is late; who is first is passed on, and the other one is cancelled. See docs/failure.md.")
      .field("enabled", &H::enabled, boolean(), {.doc = "Whether that is done."})
      .field("quantile", &H::quantile, number({0.5, 0.999}),
             {.doc = "Of the pool's latencies to the first token, which are learned: what takes longer is late. 0.95 asks twice for one request in twenty."})
      .field("delay_min", &H::delay_min, duration({milliseconds(1), hours(1)}), {.doc = "Nothing is late before this."})
      .field("delay_max", &H::delay_max, duration({milliseconds(1), hours(1)}), {.doc = "Everything is late after this."})
      .field("budget_share", &H::budget_share, number({0, 1}), {.doc = "Most tokens that are computed twice, as a share of all: when that is spent, the client waits."})
      .done();
}

Of<TimeoutConfig> timeouts() {
  using T = TimeoutConfig;
  const auto none_or = [](Duration least) { return duration({least, hours(24)}, "no limit"); };
  return Describe<T>("timeouts", "How long an endpoint may take.")
      .field("connect", &T::connect, duration({milliseconds(1), seconds(60)}), {.doc = "To connect."})
      .field("first_token", &T::first_token, none_or(milliseconds(1)), {.doc = "Of a streamed answer: from the request's last byte to its first content. Another endpoint is tried after it."})
      .field("first_token_by_class", &T::first_token_by_class,
             map_of({.what = "a class", .bytes_max = 64, .may_be_empty = false, .pattern = "^(realtime|standard|batch|background)$", .check = check_class_name}, none_or(milliseconds(1)), {0, route::Priorities}),
             {.doc = "The same for requests that end up in a class: realtime, standard, batch or background."})
      .field("whole_answer", &T::whole_answer, none_or(milliseconds(1)),
             {.doc = "Of an answer that is not streamed, and of every answer in a pool with path_prefix: from the request's last byte to the first of the answer's body. Engines send "
                     "that when all of it has been generated, so it must allow for the longest. Another endpoint is tried after it."})
      .field("between_tokens", &T::between_tokens, none_or(milliseconds(1)), {.doc = "Silence within an answer."})
      .field("total", &T::total, none_or(milliseconds(1)), {.doc = "To the end of the answer."})
      .field("upstream_idle", &T::upstream_idle, duration({Duration::zero(), hours(1)}),
             {.doc = "How long an unused connection to an endpoint is kept. Shorter than the engine keeps it (uvicorn: 5s), or requests meet closing connections."})
      .done();
}

Of<PoolConfig> pool() {
  using P = PoolConfig;
  return Describe<P>("pool", "Endpoints that serve the same models, and how requests are spread over them.")
      .field("name", &P::name, text(name_rule()),
             {.doc = "Unique; used in status, metrics and logs.", .example = "chat", .presence = Presence::Required})
      .field("models", &P::models,
             list_of(text({.what = "a model name with at most one '*'",
                           .bytes_max = 256,
                           .may_be_empty = false,
                           .pattern = "^[^\\s*]*\\*?[^\\s*]*$",
                           .check = check_model_pattern}),
                     {0, NamesMax}),
             {.doc = "Models it serves; * stands for any text. An exact name goes before a pattern, a longer pattern before a shorter one.",
              .example = "[\"*\"]"})
      .field(
          "adapters", &P::adapters, map_of(model_rule(), text(model_rule()), {0, NamesMax}),
          {.doc = "LoRA adapters that clients ask for as models, each with its base model. A request for one goes only to endpoints that "
                  "have it or load any."})
      .field("path_prefix", &P::path_prefix,
             text({.what = "a path that begins with '/'", .bytes_max = 1024, .pattern = "^(/[^\\s?#*]*)?$", .check = check_path}),
             {.doc = "Instead of models: takes every request below this path, whatever its body. For inference servers with an API of "
                     "their own."})
      .field("policy", &P::policy, describe_policies(), {.doc = "How an endpoint is chosen.", .example = "balanced"})
      .field("composition", &P::composition, describe_composition(), {.doc = "The parts of policy: composed."})
      .field("prefix_index", &P::prefix_index, describe_prefix_index(), {.doc = "The memory of which endpoint holds which prompts."})
      .field("zones", &P::zones, map_of({.what = "a zone", .bytes_max = 64, .may_be_empty = false}, describe_zone(), {0, route::ZonesMax}),
             {.doc = "The zones of endpoints that have a latency. Others count as near."})
      .field(
          "data_classes", &P::data_classes,
          map_of({.what = "a data class", .bytes_max = 64, .may_be_empty = false}, describe_data_class(), {0, DataClassesMax}),
          {.doc = "Where data may go: a request names its class in the header x-evener-data-class. A class that is not here is refused."})
      .field("default_data_class", &P::default_data_class, text({.what = "a data class", .bytes_max = 64}),
             {.doc = "The class of requests that name none. Empty: they may go anywhere."})
      .field("spend", &P::spend, describe_spend(), {.doc = "What may be spent at all external endpoints of the pool together."})
      .field("decision_header", &P::decision_header, boolean(),
             {.doc = "Whether answers carry x-evener-decision: the endpoint, why, and what was predicted."})
      .field("session_headers", &P::session_headers,
             list_of(text({.what = "the name of a header",
                           .bytes_max = 128,
                           .may_be_empty = false,
                           .pattern = "^[!-'*+\\-.0-9A-Z^_`a-z|~]+$",
                           .check = check_header_name}),
                     {0, 10}),
             {.doc = "For the hashing policies: the first of these that a request has names its session; then the user or session key of "
                     "its body."})
      .field("endpoints", &P::endpoints, list_of(endpoint(), {0, EndpointsMax}),
             {.doc = "Who serves. More can be added and removed at run time.",
              .example = "- name: cpu-1\n  url: http://127.0.0.1:8002\n  engine: llama.cpp"})
      .field("scale", &P::scale, describe_scale(), {.doc = "How many replicas there are, and who starts and stops them."})
      .field("replica", &P::replica, replica(), {.doc = "What the replicas are like that scale starts."})
      .field("health_check", &P::health_check, health_check(), {.doc = "Active health checks."})
      .field("load_reports", &P::load_reports, load_reports(), {.doc = "Load reports of the endpoints."})
      .field("outlier", &P::outlier, outlier(), {.doc = "Passive ejection of failing endpoints."})
      .field("retry", &P::retry, retry(), {.doc = "Retries on other endpoints."})
      .field("continuation", &P::continuation, continuation(), {.doc = "Streams that break off in mid-answer."})
      .field("queue", &P::queue, queue(), {.doc = "Waiting for capacity."})
      .field("classes", &P::classes, describe_classes(), {.doc = "How urgent requests are."})
      .field("tenants", &P::tenants, describe_tenants(), {.doc = "Who shares the pool."})
      .field("hedging", &P::hedging, hedging(), {.doc = "A second endpoint when the first one's answer is late."})
      .field("learned_capacity", &P::learned_capacity, describe_learned_capacity(),
             {.doc = "Capacity that is found out instead of configured."})
      .field("timeouts", &P::timeouts, timeouts(), {.doc = "Time limits towards the endpoints."})
      .field("slow_start", &P::slow_start, duration({milliseconds(100), hours(1)}, "off"),
             {.doc = "An endpoint that comes up grows to its full weight over this time."})
      .field("panic_threshold", &P::panic_threshold, number({0, 1}),
             {.doc = "When a smaller share of the endpoints than this is healthy, health is ignored, so that the few are not crushed. 0 "
                     "means never."})
      .done();
}

Of<AdminConfig> admin() {
  return Describe<AdminConfig>("admin", "The operator's listener: status, changes, metrics.")
      .field("listen", &AdminConfig::listen, text({.what = "an address host:port", .bytes_max = 256, .check = check_listen_address}),
             {.doc = "Its address. Empty: there is none."})
      .field("token_file", &AdminConfig::token_file, text(file_rule("the path of a file")),
             {.doc = "File that holds the token which the operator's requests carry. Empty: a token is made at start. Required when the address is not loopback."})
      .done();
}

Of<LimitsConfig> limits() {
  return Describe<LimitsConfig>("limits", "What clients may use at most.")
      .field("body_bytes", &LimitsConfig::body_bytes, size<std::uint64_t>({1024, 1ULL << 34}), {.doc = "Largest request body; larger ones get 413."})
      .field("body_bytes_per_s_min", &LimitsConfig::body_bytes_per_s_min, size<std::uint64_t>({0, 1ULL << 30}),
             {.doc = "Least average rate of a request body; one that lags behind it by timeouts.body_idle gets 408. 0: only silence is limited."})
      .field("memory_bytes", &LimitsConfig::memory_bytes, size<std::uint64_t>({1ULL << 20, 1ULL << 40}),
             {.doc = "All request bodies held at a time; beyond it 503 with Retry-After."})
      .field("head_bytes", &LimitsConfig::head_bytes, size<std::uint32_t>({1024, 1ULL << 20}), {.doc = "Request line and headers; larger ones get 431."})
      .field("connections", &LimitsConfig::connections, whole_number<std::uint32_t>({1, 10'000'000}), {.doc = "Client connections."})
      .done();
}

Of<ClientTimeoutConfig> client_timeouts() {
  using T = ClientTimeoutConfig;
  return Describe<T>("client_timeouts", "How long a client may take.")
      .field("head", &T::head, duration({milliseconds(100), hours(1)}), {.doc = "To send the head of a request, once begun."})
      .field("body_idle", &T::body_idle, duration({milliseconds(100), hours(1)}), {.doc = "Silence within a request body, and how far one may lag behind limits.body_bytes_per_s_min."})
      .field("send_idle", &T::send_idle, duration({milliseconds(100), hours(1)}), {.doc = "Taking nothing of its answer."})
      .field("keep_alive", &T::keep_alive, duration({Duration::zero(), hours(24)}), {.doc = "Idle between two requests."})
      .field("drain", &T::drain, duration({Duration::zero(), hours(24)}), {.doc = "For requests in progress when the gateway stops."})
      .done();
}

Of<AccessLogConfig> access_log() {
  return Describe<AccessLogConfig>("access_log", "One JSON line per request.")
      .field("path", &AccessLogConfig::path, text(file_rule("the path of a file, or -")), {.doc = "File it is appended to; - is standard output. Empty: no access log."})
      .done();
}

const Structure& whole_file() {
  using C = Config;
  static const Of<Config> described =
      Describe<C>("config", "Every field but pools may be left out.")
          .field("listen", &C::listen,
                 list_of(text({.what = "an address host:port", .bytes_max = 256, .may_be_empty = false, .check = check_listen_address}), {1, 64}),
                 {.doc = "Addresses that clients connect to.", .example = "[\"127.0.0.1:8080\"]"})
          .field("workers", &C::workers, whole_number<std::uint32_t>({0, 256}), {.doc = "Threads that serve requests. 0: as many as the CPUs that affinity and cgroup quota allow."})
          .field("handover_socket", &C::handover_socket, text({.what = "an absolute path", .bytes_max = 4096, .pattern = "^(/.*)?$", .check = check_socket_path}),
                 {.doc = "Unix socket over which a new process takes the listeners over, for restarts that lose no connection. Empty: off."})
          .field("admin", &C::admin, admin(), {.doc = "The operator's listener."})
          .field("limits", &C::limits, limits(), {.doc = "Limits for clients."})
          .field("timeouts", &C::timeouts, client_timeouts(), {.doc = "Time limits for clients."})
          .field("access_log", &C::access_log, access_log(), {.doc = "The access log."})
          .field("aliases", &C::aliases, map_of(model_rule(), text(model_rule()), {0, NamesMax}),
                 {.doc = "Other names of models: what a client asks for, and what it gets."})
          .field("default_model", &C::default_model,
                 text({.what = "a model name", .bytes_max = 256, .pattern = "^[^\\s*]*$", .check = check_model_name}),
                 {.doc = "Where requests go that need not name a model and name none (moderations, images). They are passed on as they "
                         "are. Empty: to the pool that takes every model (\"*\")."})
          .field("pools", &C::pools, list_of(pool(), {1, PoolsMax}), {.doc = "Who serves what.", .presence = Presence::Required})
          .field("dns_refresh", &C::dns_refresh, duration({seconds(1), hours(24)}), {.doc = "How often the names of endpoints are resolved again; the last good answer is kept."})
          .done();
  return *described.type->structure();
}

void fill_names(Config& config) {
  for (PoolConfig& each : config.pools) {
    for (EndpointConfig& one : each.endpoints) {
      if (one.name.empty() && !one.url.empty()) one.name = default_endpoint_name(one.url);
    }
  }
}

void finish(Problems& from, std::vector<ConfigError>* to) {
  if (to != nullptr) *to = from.take();
}

}  // namespace

Result<Config, std::vector<ConfigError>> read_config(std::string_view file_name, std::string_view text, std::vector<ConfigError>* warnings) {
  Problems problems(file_name, text);
  Problems doubts(file_name, text);
  const std::optional<Node> root = parse_yaml(text, problems);
  if (!root) return tl::unexpected(problems.take());
  Config out;
  ReadState state{.problems = problems, .path = {}};
  whole_file().read(*root, root->mark, &out, state);
  fill_names(out);
  check_between_fields(out, &*root, problems, doubts);
  finish(doubts, warnings);
  if (!problems.empty()) return tl::unexpected(problems.take());
  return out;
}

std::vector<ConfigError> check_config(std::string_view origin, Config& config, std::vector<ConfigError>* warnings) {
  Problems problems(origin, {});
  Problems doubts(origin, {});
  fill_names(config);
  check_between_fields(config, nullptr, problems, doubts);
  finish(doubts, warnings);
  return problems.take();
}

Result<EndpointConfig, std::vector<ConfigError>> read_endpoint_config(std::string_view origin, std::string_view text) {
  static const Of<EndpointConfig> described = endpoint();
  Problems problems(origin, text);
  const std::optional<Node> root = parse_yaml(text, problems);
  if (!root) return tl::unexpected(problems.take());
  EndpointConfig out;
  ReadState state{.problems = problems, .path = {}};
  described.type->structure()->read(*root, root->mark, &out, state);
  if (!problems.empty()) return tl::unexpected(problems.take());
  if (out.name.empty()) out.name = default_endpoint_name(out.url);
  return out;
}

std::string default_endpoint_name(std::string_view url) {
  const auto parsed = parse_endpoint_url(url);
  if (!parsed) return std::string(url);
  const bool v6 = parsed->target.host.find(':') != std::string::npos;
  return (v6 ? "[" + parsed->target.host + "]" : parsed->target.host) + ":" + std::to_string(parsed->target.port);
}

std::string config_json_schema() { return json_schema(whole_file(), SchemaTitle); }

std::string config_reference_markdown() {
  return reference_markdown(whole_file(), "Configuration",
                            "The configuration of `evener serve` is one YAML file (JSON is accepted too). It is read strictly: an unknown or repeated field, a value of\n"
                            "the wrong kind or out of range is an error, and `evener config check` shows all of them at once, each with its place. This page is generated\n"
                            "from the same description as the reader; `evener config example` prints a commented file, `evener config schema` a JSON Schema for editors.\n\n"
                            "Durations have a unit: `500ms`, `2s`, `1m30s`, `24h`. Sizes are bytes or have one of the units `KiB`, `MiB`, `GiB`. A text that looks like a\n"
                            "number or a truth value is put in quotes. References to the environment such as `${NAME}` are not replaced.");
}

std::string config_example_yaml() {
  return example_yaml(whole_file(),
                      "Example configuration of evener serve. Lines that begin with #name: show defaults; remove the # to change one. All fields: docs/config-reference.md.");
}

}  // namespace evener::gateway
