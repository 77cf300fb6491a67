#include "evener/base/json_writer.h"
#include "evener/load/report.h"

namespace evener::load {
namespace {

constexpr double NanosecondsPerMs = 1e6;

void distribution(JsonWriter& json, std::string_view name, std::string_view unit, const Histogram& histogram, double divisor) {
  json.key(name).begin_object().member("unit", unit).member("count", histogram.count());
  if (histogram.count() > 0) {
    const auto at = [&](double quantile) { return static_cast<double>(histogram.quantile(quantile)) / divisor; };
    json.key("avg").fixed(histogram.mean() / divisor, 3);
    json.key("min").fixed(static_cast<double>(histogram.min()) / divisor, 3);
    json.key("max").fixed(static_cast<double>(histogram.max()) / divisor, 3);
    json.key("p50").fixed(at(.50), 3);
    json.key("p90").fixed(at(.90), 3);
    json.key("p95").fixed(at(.95), 3);
    json.key("p99").fixed(at(.99), 3);
  }
  json.end_object();
}

void latency(JsonWriter& json, std::string_view name, const Histogram& histogram) {
  distribution(json, name, "ms", histogram, NanosecondsPerMs);
}

void scalar(JsonWriter& json, std::string_view name, std::string_view unit, double value) {
  json.key(name).begin_object().member("unit", unit).key("avg").fixed(value, 3).end_object();
}

void objective(JsonWriter& json, std::string_view name, const std::optional<Duration>& limit) {
  if (limit) json.key(name).fixed(seconds(*limit) * 1000, 3);
}

}  // namespace

std::string report_json(const LoadReport& report) {
  std::string out;
  JsonWriter json(out);
  json.begin_object().member("schema_version", 1).member("title", report.title);
  scalar(json, "benchmark_duration", "sec", report.duration_s());
  scalar(json, "request_count", "requests", static_cast<double>(report.succeeded));
  scalar(json, "error_request_count", "requests", static_cast<double>(report.failed));
  scalar(json, "request_throughput", "requests/sec", report.request_throughput());
  scalar(json, "output_token_throughput", "tokens/sec", report.output_token_throughput());
  scalar(json, "goodput", "requests/sec", report.goodput());
  latency(json, "time_to_first_token", report.ttft);
  latency(json, "time_per_output_token", report.tpot);
  latency(json, "inter_token_latency", report.itl);
  latency(json, "request_latency", report.e2e);
  distribution(json, "input_sequence_length", "tokens", report.input_sequence, 1);
  distribution(json, "output_sequence_length", "tokens", report.output_sequence, 1);
  json.member("cached_prompt_tokens", report.cached_tokens);

  json.key("objectives").begin_object();
  objective(json, "time_to_first_token", report.objectives().ttft_max);
  objective(json, "time_per_output_token", report.objectives().tpot_max);
  objective(json, "request_latency", report.objectives().e2e_max);
  json.member("good_request_count", report.good).end_object();

  json.key("errors").begin_object();
  for (std::size_t i = 1; i < Failures; ++i) {
    if (report.failures[i] > 0) json.member(name_of(static_cast<Failure>(i)), report.failures[i]);
  }
  json.end_object();
  json.key("statuses").begin_object();
  for (const auto& [status, count] : report.statuses) json.member(std::to_string(status), count);
  json.end_object();

  json.key("endpoints").begin_array();
  for (const auto& [name, share] : report.endpoints) {
    json.begin_object().member("name", name).member("requests", share.requests).member("failed", share.failed);
    json.key("share").fixed(static_cast<double>(share.requests) / static_cast<double>(report.requests()), 6);
    json.member("output_tokens", share.output_tokens);
    latency(json, "time_to_first_token", share.ttft);
    latency(json, "request_latency", share.e2e);
    json.end_object();
  }
  json.end_array();

  json.key("generator").begin_object();
  latency(json, "lateness", report.lateness);
  json.member("connections_opened", report.connections_opened)
      .member("resent_on_a_new_connection", report.resent)
      .member("waited_for_a_connection", report.overdue)
      .member("not_sent", report.not_sent)
      .member("cancelled", report.cancelled)
      .end_object();
  json.end_object();
  return out;
}

}  // namespace evener::load
