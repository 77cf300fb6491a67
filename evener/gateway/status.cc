#include <fmt/format.h>

#include "evener/base/json_writer.h"
#include "evener/gateway/admin.h"
#include "evener/gateway/config_schema.h"
#include "evener/gateway/external_status.h"
#include "evener/gateway/kv_status.h"
#include "evener/gateway/metrics.h"
#include "evener/gateway/recorder.h"

namespace evener::gateway {
namespace {

std::string_view health_name(const route::EndpointStatus& status) {
  if (status.slow_start && status.health == route::Health::Healthy) return "slow start";
  switch (status.health) {
    case route::Health::Healthy: return "healthy";
    case route::Health::Down: return "down";
    case route::Health::Ejected: return "ejected";
    case route::Health::Backoff: return "backoff";
    case route::Health::Draining: return "draining";
  }
  return "unknown";
}

struct PoolNow {
  std::vector<route::EndpointStatus> endpoints;
  std::size_t queued = 0;
  std::array<route::ClassStatus, route::Priorities> classes;
  std::uint32_t in_flight = 0;
  bool panic = false;
  std::string policy;
  route::SpendStatus spend;
};

PoolNow look(const ManagedPool& pool, Instant now) {
  return pool.pool->with_scheduler(now, [&](route::RecordedScheduler& scheduler) {
    return PoolNow{.endpoints = scheduler.status(now),
                   .queued = scheduler.queued(),
                   .classes = scheduler.classes(now),
                   .in_flight = scheduler.in_flight(),
                   .panic = scheduler.in_panic(),
                   .policy = std::string(scheduler.policy()),
                   .spend = scheduler.spend(now)};
  });
}

const ManagedEndpoint* find(const ManagedPool& pool, EndpointId id) {
  for (const auto& endpoint : pool.endpoints) {
    if (endpoint->id == id) return endpoint.get();
  }
  return nullptr;
}

/// The endpoint's own words about its load; what it did not say is null.
void write_load(JsonWriter& json, const LoadWatch& load, const std::optional<route::LoadReport>& report, Instant now) {
  const auto member = [&](std::string_view name, const std::optional<double>& value) {
    json.key(name);
    if (value) {
      json.value(*value);
    } else {
      json.null();
    }
  };
  json.begin_object().member("finding", load.finding);
  json.key("engine");
  if (load.engine) {
    json.value(protocol::name_of(*load.engine));
  } else {
    json.null();
  }
  json.key("paths").begin_array();
  for (const std::string& path : load.paths) json.value(path);
  json.end_array();
  json.member("readings_total", load.readings_total).member("failures_total", load.failures_total).member("last_failure", load.last_failure);
  const route::LoadReport said = report.value_or(route::LoadReport{});
  member("age_s", report ? std::optional(std::max(0.0, seconds(now - said.at))) : std::nullopt);
  member("running", said.running);
  member("waiting", said.waiting);
  member("waiting_tokens", said.waiting_tokens);
  member("kv_used", said.kv_used);
  member("kv_capacity_tokens", said.kv_capacity_tokens);
  member("utilization", said.utilization);
  member("generated_tokens_per_s", said.generated_tokens_per_s);
  member("prefix_hit_share", said.prefix_hit_share);
  member("requests_max", said.requests_max);
  json.key("adapters").begin_array();
  for (const std::string& adapter : load.adapters) json.value(adapter);
  json.end_array().end_object();
}

/// What was learned of it from requests; null where nothing was.
void write_learned(JsonWriter& json, const route::EndpointStatus& status) {
  const auto member = [&](std::string_view name, bool known, double value) {
    json.key(name);
    if (known) {
      json.value(value);
    } else {
      json.null();
    }
  };
  const route::SpeedView& speed = status.speed;
  json.begin_object();
  member("first_token_base_s", speed.first_token_known(), speed.base_s);
  member("prefill_s_per_token", speed.first_token_known(), speed.prefill_s_per_token);
  member("token_s", speed.token_known(), speed.step_s);
  member("token_s_per_request", speed.token_known(), speed.step_s_per_request);
  const route::PredictionErrors& errors = status.prediction_errors;
  member("first_token_prediction_error", errors.first_token > 0, errors.first_token);
  member("token_prediction_error", errors.token > 0, errors.token);
  member("total_prediction_error", errors.total > 0, errors.total);
  json.member("in_flight_prompt_tokens", status.in_flight_prompt_tokens)
      .member("in_flight_uncached_tokens", status.in_flight_uncached_tokens);
  json.member("in_flight_output_tokens", status.in_flight_output_tokens);
  json.member("cache_reports", status.prefix.requests).member("cached_tokens_expected", status.prefix.predicted_tokens);
  json.member("cached_tokens_reported", status.prefix.cached_tokens).member("cached_tokens_error", status.prefix.error_tokens);
  json.end_object();
}

/// The same in a few words: "3 running, 1 waiting, KV 42 %, 0.4 s ago".
std::string load_words(const LoadWatch& load, const std::optional<route::LoadReport>& report, Instant now) {
  if (!report) return load.finding;
  std::string words;
  const auto add = [&](std::string part) { words += (words.empty() ? "" : ", ") + part; };
  if (report->running) add(fmt::format("{:.0f} running", *report->running));
  if (report->waiting) add(fmt::format("{:.0f} waiting", *report->waiting));
  if (report->kv_used) add(fmt::format("KV {:.0f} %", *report->kv_used * 100));
  if (report->utilization) add(fmt::format("{:.0f} % busy", *report->utilization * 100));
  if (report->generated_tokens_per_s) add(fmt::format("{:.0f} tokens/s", *report->generated_tokens_per_s));
  if (report->prefix_hit_share) add(fmt::format("prefix hits {:.0f} %", *report->prefix_hit_share * 100));
  add(fmt::format("{:.1f} s ago", std::max(0.0, seconds(now - report->at))));
  return words;
}

void write_recording(JsonWriter& json, const Recorder* recorder) {
  if (recorder == nullptr) {
    json.null();
    return;
  }
  const Recorder::Status status = recorder->status();
  json.begin_object().member("bytes", status.bytes).member("bytes_max", status.bytes_max);
  json.member("ended", status.ended ? recording_end_name(*status.ended) : std::string_view()).end_object();
}

std::string html(std::string_view text) {
  std::string out;
  for (const char c : text) {
    switch (c) {
      case '&': out += "&amp;"; break;
      case '<': out += "&lt;"; break;
      case '>': out += "&gt;"; break;
      case '"': out += "&quot;"; break;
      default: out += c;
    }
  }
  return out;
}

}  // namespace

std::string status_json(Control& control) {
  const Instant now = control.reactor.now();
  const std::vector<KvEndpointStatus> kv_events = control.shared().kv_events->status();
  std::string out;
  JsonWriter json(out);
  json.begin_object().member("schema", "evener.status/1");
  json.member("draining", control.shared().draining.load());
  json.member("connections", control.shared().connections.load());
  json.member("memory_used_bytes", control.shared().memory.used()).member("memory_limit_bytes", control.shared().memory.limit());
  json.key("workers").begin_array();
  for (const auto& worker : control.shared().workers) {
    json.begin_object().member("connections", worker->sessions()).member("active", worker->load()).end_object();
  }
  json.end_array();
  json.key("recording");
  write_recording(json, control.shared().recorder);
  json.key("pools").begin_array();
  for (const ManagedPool& pool : control.pools()) {
    const PoolNow state = look(pool, now);
    json.begin_object().member("name", pool.config.name).member("policy", state.policy);
    json.key("models").begin_array();
    for (const std::string& model : pool.config.models) json.value(model);
    json.end_array();
    json.member("path_prefix", pool.config.path_prefix).member("in_flight", state.in_flight).member("queued", state.queued);
    json.member("panic", state.panic);
    json.key("spend");
    write_spend(json, state.spend);
    const ModelEstimates::PromptErrors errors = pool.pool->estimates().prompt_errors();
    json.key("token_estimates").begin_object().member("models", pool.pool->estimates().models()).member("prompts_reported", errors.reports);
    json.member("prompt_error", errors.mean).member("prompt_error_worst_model", errors.worst).end_object();
    json.key("classes").begin_array();
    for (const route::ClassStatus& one : state.classes) {
      json.begin_object().member("name", route::priority_name(one.priority)).member("queued", one.waiting);
      json.member("tenants_queued", one.tenants_waiting).member("oldest_wait_s", seconds(one.oldest_wait));
      json.member("predicted_wait_s", seconds(one.predicted_wait)).end_object();
    }
    json.end_array();
    json.key("endpoints").begin_array();
    for (const route::EndpointStatus& status : state.endpoints) {
      const ManagedEndpoint* endpoint = find(pool, status.id);
      if (endpoint == nullptr) continue;
      json.begin_object().member("name", endpoint->config.name).member("url", endpoint->config.url);
      json.member("address", endpoint->addresses.empty() ? std::string() : endpoint->addresses[endpoint->address_in_use].text());
      json.member("engine", protocol::name_of(endpoint->config.engine)).member("zone", endpoint->config.zone);
      json.member("tier", endpoint->config.tier).member("health", health_name(status));
      json.member("weight", status.weight_configured).member("weight_effective", status.weight_effective);
      json.member("in_flight", status.in_flight).member("capacity", status.capacity);
      json.member("requests_total", status.requests_total).member("failures_total", status.failures_total);
      json.member("ejections_total", status.ejections_total).member("consecutive_failures", status.consecutive_failures);
      json.member("first_token_ewma_s", status.latency_s).member("last_check", endpoint->last_check);
      json.key("kv_events");
      write_kv_events(json, find_kv(kv_events, status.id));
      json.key("health_for_s");
      if (status.until) {
        json.value(std::max(0.0, seconds(*status.until - now)));
      } else {
        json.null();
      }
      json.key("load");
      write_load(json, endpoint->load, status.report, now);
      json.key("learned");
      write_learned(json, status);
      json.key("external");
      write_external(json, status.external);
      json.end_object();
    }
    json.end_array().end_object();
  }
  json.end_array().end_object();
  return out;
}

std::string status_page(Control& control) {
  const Instant now = control.reactor.now();
  std::string page = R"(<!doctype html><html lang="en"><head><meta charset="utf-8"><meta http-equiv="refresh" content="2">
<meta name="viewport" content="width=device-width"><title>Evener status</title><style>
:root{color-scheme:light dark;--line:#8884;--ok:#1a7f37;--warn:#9a6700;--bad:#cf222e}
@media (prefers-color-scheme:dark){:root{--ok:#3fb950;--warn:#d29922;--bad:#f85149}}
body{font:15px/1.45 system-ui,sans-serif;margin:1.5rem;max-width:80rem}h1{font-size:1.3rem}h2{font-size:1.1rem;margin:1.6rem 0 .3rem}
table{border-collapse:collapse;width:100%}th,td{text-align:left;padding:.3rem .7rem .3rem 0;border-bottom:1px solid var(--line);white-space:nowrap}
td.n,th.n{text-align:right;font-variant-numeric:tabular-nums}.ok{color:var(--ok)}.warn{color:var(--warn)}.bad{color:var(--bad)}
.bar{display:inline-block;height:.7em;background:currentColor;opacity:.45;min-width:1px}p{margin:.2rem 0}.wrap{overflow-x:auto}
</style></head><body><h1>Evener</h1>)";
  page += fmt::format("<p>{}{} client connections, {} of {} MiB for request bodies in use</p>",
                      control.shared().draining.load() ? "<b class=\"warn\">draining</b>, " : "", control.shared().connections.load(),
                      control.shared().memory.used() >> 20, control.shared().memory.limit() >> 20);
  for (const ManagedPool& pool : control.pools()) {
    const PoolNow state = look(pool, now);
    std::string serves;
    for (const std::string& model : pool.config.models) serves += (serves.empty() ? "" : ", ") + model;
    if (!pool.config.path_prefix.empty()) serves = "paths below " + pool.config.path_prefix;
    page += fmt::format("<h2>{}</h2><p>{} · policy {} · {} in flight · {} queued{}</p>", html(pool.config.name), html(serves),
                        html(state.policy), state.in_flight, state.queued,
                        state.panic ? " · <b class=\"bad\">panic: health is ignored</b>" : "");
    if (state.queued > 0) {
      page += "<p>";
      for (const route::ClassStatus& one : state.classes) {
        if (one.waiting == 0) continue;
        page += fmt::format("{}: {} queued, the oldest for {:.1f} s · ", route::priority_name(one.priority), one.waiting, seconds(one.oldest_wait));
      }
      page += "most urgent class first</p>";
    }
    page +=
        "<div class=\"wrap\"><table><tr><th>endpoint<th>state<th class=n>in flight<th>share of the pool<th class=n>weight<th class=n>requests"
        "<th class=n>failures<th class=n>first token<th>zone<th>last check<th>load report</tr>";
    std::uint64_t most = 1;
    for (const route::EndpointStatus& status : state.endpoints) most = std::max(most, status.requests_total);
    for (const route::EndpointStatus& status : state.endpoints) {
      const ManagedEndpoint* endpoint = find(pool, status.id);
      if (endpoint == nullptr) continue;
      const std::string_view name = health_name(status);
      const char* colour = name == "healthy" ? "ok" : name == "down" || name == "ejected" ? "bad" : "warn";
      page += fmt::format(
          "<tr><td>{}<td class={}>{} {}{}<td class=n>{}{}<td><span class=\"bar\" style=\"width:{}rem\"></span><td class=n>{:g}<td class=n>{}"
          "<td class=n>{}<td class=n>{:.0f} ms<td>{}<td>{}<td title=\"{}\">{}</tr>",
          html(endpoint->config.name), colour, name == "healthy" ? "●" : name == "down" || name == "ejected" ? "✕" : "◐", name,
          status.until ? fmt::format(" {:.0f} s", std::max(0.0, seconds(*status.until - now))) : "", status.in_flight,
          status.capacity > 0 ? fmt::format(" / {}", status.capacity) : "",
          8.0 * static_cast<double>(status.requests_total) / static_cast<double>(most), status.weight_effective, status.requests_total,
          status.failures_total, status.latency_s * 1000, html(endpoint->config.zone), html(endpoint->last_check),
          html(endpoint->load.finding), html(load_words(endpoint->load, status.report, now)));
    }
    page += "</table></div>";
  }
  return page + "</body></html>\n";
}

}  // namespace evener::gateway
