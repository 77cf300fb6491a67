#include "evener/gateway/load_metrics.h"

#include <algorithm>
#include <array>
#include <string>
#include <utility>

namespace evener::gateway {
namespace {

using Value = std::optional<double> route::LoadReport::*;

struct ReportedMetric {
  const char* name;
  const char* help;
  Value value;
};
constexpr std::array<ReportedMetric, 9> Reported = {{
    {"evener_endpoint_reported_running_requests", "Requests that an endpoint says it is computing.", &route::LoadReport::running},
    {"evener_endpoint_reported_waiting_requests", "Requests that an endpoint says wait in its own queue.", &route::LoadReport::waiting},
    {"evener_endpoint_reported_waiting_tokens", "Uncached prompt tokens that an endpoint says wait in its own queue.",
     &route::LoadReport::waiting_tokens},
    {"evener_endpoint_reported_kv_used_ratio", "Share of its KV cache that an endpoint says is in use.", &route::LoadReport::kv_used},
    {"evener_endpoint_reported_kv_capacity_tokens", "Tokens that an endpoint says its KV cache holds.",
     &route::LoadReport::kv_capacity_tokens},
    {"evener_endpoint_reported_utilization_ratio", "Share of its machine that an endpoint says is busy.", &route::LoadReport::utilization},
    {"evener_endpoint_reported_generated_tokens_per_second", "Tokens per second that an endpoint says it generates.",
     &route::LoadReport::generated_tokens_per_s},
    {"evener_endpoint_reported_prefix_hit_ratio",
     "Share of prompt tokens that an endpoint says it found in its prefix cache since it started.", &route::LoadReport::prefix_hit_share},
    {"evener_endpoint_reported_requests_limit", "Requests that an endpoint says it computes at once at most.",
     &route::LoadReport::requests_max},
}};
enum : std::size_t { Age = Reported.size(), Readings, Failures };

}  // namespace

telemetry::Registry::Collection collect_load_reports(telemetry::Registry& registry, Control& control, std::size_t series_max) {
  using telemetry::CollectedKind;
  using telemetry::CollectedMetric;
  std::vector<CollectedMetric> metrics;
  const auto add = [&](const char* name, const char* help, CollectedKind kind) {
    metrics.push_back({.spec = {.name = name, .help = help, .labels = {"pool", "endpoint"}, .series_max = series_max}, .kind = kind});
  };
  for (const ReportedMetric& reported : Reported) add(reported.name, reported.help, CollectedKind::Gauge);
  add("evener_endpoint_report_age_seconds", "Time since an endpoint's last load report.", CollectedKind::Gauge);
  add("evener_endpoint_report_readings_total", "Load reports read from an endpoint.", CollectedKind::Counter);
  add("evener_endpoint_report_failures_total", "Attempts to read an endpoint's load report that failed.", CollectedKind::Counter);
  return registry.collect(std::move(metrics), [&control](telemetry::Samples& samples) {
    const Instant now = control.reactor.now();
    for (const ManagedPool& pool : control.pools()) {
      const auto statuses = pool.pool->with_scheduler(now, [&](route::RecordedScheduler& scheduler) { return scheduler.status(now); });
      std::size_t at = 0;
      for (const route::EndpointStatus& status : statuses) {  // both by rising id
        while (at < pool.endpoints.size() && pool.endpoints[at]->id < status.id) ++at;
        if (at == pool.endpoints.size()) break;
        const ManagedEndpoint& endpoint = *pool.endpoints[at];
        if (endpoint.id != status.id) continue;
        const auto put = [&](std::size_t metric, double value) { samples.put(metric, {pool.config.name, endpoint.config.name}, value); };
        if (pool.config.load_reports.enabled) {
          put(Readings, static_cast<double>(endpoint.load.readings_total));
          put(Failures, static_cast<double>(endpoint.load.failures_total));
        }
        if (!status.report) continue;
        put(Age, std::max(0.0, seconds(now - status.report->at)));
        for (std::size_t i = 0; i < Reported.size(); ++i) {
          if (const auto& value = *status.report.*Reported[i].value) put(i, *value);
        }
      }
    }
  });
}

}  // namespace evener::gateway
