#include "evener/engine/engine_metrics.h"

#include <array>

namespace evener::engine {
namespace {

using telemetry::CollectedKind;
using telemetry::CollectedMetric;

// The bounds of vLLM's own histograms, so that queries written for it give comparable quantiles.
constexpr std::array FirstTokenBounds = {0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1,  0.25,  0.5,   0.75,
                                         1.0,   2.5,   5.0,  7.5,  10.0, 20.0, 40.0, 80.0, 160.0, 640.0, 2560.0};
constexpr std::array InterTokenBounds = {0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0, 20.0, 40.0, 80.0};
constexpr std::array RequestBounds = {0.3,  0.5,  0.8,  1.0,  1.5,  2.0,   2.5,   5.0,   10.0,  15.0,
                                      20.0, 30.0, 40.0, 50.0, 60.0, 120.0, 240.0, 480.0, 960.0, 1920.0, 7680.0};

const std::vector<std::string> ModelLabels = {"model_name", "engine"};

CollectedMetric metric(std::string name, std::string help, CollectedKind kind) {
  return {.spec = {.name = std::move(name), .help = std::move(help), .labels = ModelLabels}, .kind = kind};
}

// In the order in which they are collected below.
std::vector<CollectedMetric> collected_metrics() {
  std::vector<CollectedMetric> metrics = {
      metric("vllm:num_requests_running", "Requests in the running batch.", CollectedKind::Gauge),
      metric("vllm:num_requests_waiting", "Requests waiting to be computed.", CollectedKind::Gauge),
      metric("vllm:kv_cache_usage_perc", "Share of the KV cache in use, 0 to 1.", CollectedKind::Gauge),
      metric("vllm:prefix_cache_queries_total", "Prompt tokens looked up in the prefix cache.", CollectedKind::Counter),
      metric("vllm:prefix_cache_hits_total", "Prompt tokens found in the prefix cache.", CollectedKind::Counter),
      metric("vllm:num_preemptions_total", "Requests that lost their KV blocks and were recomputed.", CollectedKind::Counter),
      metric("vllm:prompt_tokens_total", "Prompt tokens of requests whose prefill has ended.", CollectedKind::Counter),
      metric("vllm:generation_tokens_total", "Tokens generated.", CollectedKind::Counter),
  };
  metrics.push_back({.spec = {.name = "vllm:cache_config_info",
                              .help = "Size of the KV cache, in the labels.",
                              .labels = {"engine", "block_size", "num_gpu_blocks", "enable_prefix_caching"}},
                     .kind = CollectedKind::Gauge});
  return metrics;
}

}  // namespace

EngineMetrics::EngineMetrics(const EngineOptions& options, std::function<EngineState()> state)
    : model_(options.models.empty() ? "" : options.models.front()), registry_(1) {
  const auto histogram = [&](std::string name, std::string help, std::span<const double> bounds) {
    return registry_.histogram({.name = std::move(name), .help = std::move(help), .labels = ModelLabels}, bounds).with({model_, "0"});
  };
  time_to_first_token_ = histogram("vllm:time_to_first_token_seconds", "Seconds from a request's arrival to its first token.", FirstTokenBounds);
  inter_token_latency_ = histogram("vllm:inter_token_latency_seconds", "Seconds between two tokens of one request.", InterTokenBounds);
  e2e_latency_ = histogram("vllm:e2e_request_latency_seconds", "Seconds from a request's arrival to its last token.", RequestBounds);
  success_ = registry_.counter({.name = "vllm:request_success_total",
                                .help = "Requests by the reason for their end.",
                                .labels = {"model_name", "engine", "finished_reason"}});
  collection_ = registry_.collect(collected_metrics(), [this, state = std::move(state), config = options.config](telemetry::Samples& samples) {
    const EngineState now = state();
    std::size_t metric_index = 0;
    const auto put = [&](double value) { samples.put(metric_index++, {model_, "0"}, value); };
    put(now.gauges.running);
    put(now.gauges.waiting);
    put(now.gauges.kv_used);
    put(static_cast<double>(now.totals.prefix_query_tokens));
    put(static_cast<double>(now.totals.prefix_hit_tokens));
    put(static_cast<double>(now.totals.preemptions));
    put(static_cast<double>(now.totals.prompt_tokens));
    put(static_cast<double>(now.totals.generation_tokens));
    samples.put(metric_index, {"0", std::to_string(config.kv_block_tokens), std::to_string(config.kv_blocks),
                               config.prefix_cache == lab::KvCache::Prefix::On ? "True" : "False"}, 1);
  });
}

std::string EngineMetrics::page() const {
  std::string out;
  registry_.expose(out);
  return out;
}

}  // namespace evener::engine
