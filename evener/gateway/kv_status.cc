#include "evener/gateway/kv_status.h"

#include <algorithm>
#include <array>
#include <utility>
#include <vector>

namespace evener::gateway {
namespace {

struct Shown {
  const char* member;
  const char* metric;  // nullptr = in the status alone
  const char* help;
  telemetry::CollectedKind kind;
  double (*value)(const KvEndpointStatus&);
};

using enum telemetry::CollectedKind;
double number(std::uint64_t value) { return static_cast<double>(value); }

constexpr std::array Figures = {
    Shown{"batches_total", "evener_endpoint_kv_batches_total", "Batches of KV events applied.", Counter,
          [](const KvEndpointStatus& s) { return number(s.batches); }},
    Shown{"bad_messages_total", "evener_endpoint_kv_bad_messages_total", "Messages of KV events that could not be read.", Counter,
          [](const KvEndpointStatus& s) { return number(s.bad_messages); }},
    Shown{"unknown_events_total", nullptr, "", Counter, [](const KvEndpointStatus& s) { return number(s.unknown_events); }},
    Shown{"gaps_total", "evener_endpoint_kv_gaps_total", "Gaps in the sequence of KV events, filled ones included.", Counter,
          [](const KvEndpointStatus& s) { return number(s.sequence.gaps); }},
    Shown{"replayed_total", "evener_endpoint_kv_replayed_total", "Batches of KV events that a replay brought.", Counter,
          [](const KvEndpointStatus& s) { return number(s.sequence.replayed); }},
    Shown{"holes_total", "evener_endpoint_kv_holes_total", "Gaps in the sequence of KV events that could not be filled.", Counter,
          [](const KvEndpointStatus& s) { return number(s.sequence.holes); }},
    Shown{"restarts_total", "evener_endpoint_kv_restarts_total", "Restarts of a publisher of KV events.", Counter,
          [](const KvEndpointStatus& s) { return number(s.sequence.restarts); }},
    Shown{"replays_failed_total", nullptr, "", Counter, [](const KvEndpointStatus& s) { return number(s.sequence.replays_failed); }},
    Shown{"cleared_total", "evener_endpoint_kv_cleared_total", "Times that all that was known of a cache was dropped.", Counter,
          [](const KvEndpointStatus& s) { return number(s.map.cleared); }},
    Shown{"resident_blocks", "evener_endpoint_kv_resident_blocks", "Blocks of its own that an endpoint's cache is known to hold.", Gauge,
          [](const KvEndpointStatus& s) { return number(s.map.resident_blocks); }},
    Shown{"resident_tokens", "evener_endpoint_kv_resident_tokens", "Tokens that an endpoint's cache is known to hold.", Gauge,
          [](const KvEndpointStatus& s) { return number(s.map.resident_tokens); }},
    Shown{"capacity_tokens", "evener_endpoint_kv_capacity_tokens",
          "Tokens that an endpoint's cache held at most when it had to evict; 0 = it did not yet.", Gauge,
          [](const KvEndpointStatus& s) { return number(s.map.capacity_tokens); }},
    Shown{"stored_blocks_total", "evener_endpoint_kv_stored_blocks_total", "Blocks that an endpoint said it stored.", Counter,
          [](const KvEndpointStatus& s) { return number(s.map.stored_blocks); }},
    Shown{"removed_blocks_total", "evener_endpoint_kv_removed_blocks_total", "Blocks that an endpoint said it removed.", Counter,
          [](const KvEndpointStatus& s) { return number(s.map.removed_blocks); }},
    Shown{"unknown_removed_total", nullptr, "", Counter, [](const KvEndpointStatus& s) { return number(s.map.unknown_removed); }},
    Shown{"overflowed_total", nullptr, "", Counter, [](const KvEndpointStatus& s) { return number(s.map.overflowed); }},
    Shown{"requests_attributed_total", "evener_endpoint_kv_requests_attributed_total", "Requests whose blocks in the cache are known.",
          Counter, [](const KvEndpointStatus& s) { return number(s.map.attributed); }},
    Shown{"requests_unattributed_total", "evener_endpoint_kv_requests_unattributed_total",
          "Requests that left blocks in the cache of which it is not clear which.", Counter,
          [](const KvEndpointStatus& s) { return number(s.map.unattributed); }},
    Shown{"requests_without_usage_total", nullptr, "", Counter, [](const KvEndpointStatus& s) { return number(s.map.without_usage); }},
    Shown{"prompt_blocks", "evener_endpoint_kv_prompt_blocks", "Blocks of prompts that are followed in an endpoint's cache.", Gauge,
          [](const KvEndpointStatus& s) { return number(s.map.anchors); }},
};

constexpr std::size_t metrics_count() {
  std::size_t count = 0;
  for (const Shown& figure : Figures) count += figure.metric != nullptr ? 1 : 0;
  return count;
}

}  // namespace

const KvEndpointStatus* find_kv(std::span<const KvEndpointStatus> all, EndpointId id) {
  const auto at = std::ranges::lower_bound(all, id, {}, &KvEndpointStatus::id);
  return at != all.end() && at->id == id ? &*at : nullptr;
}

void write_kv_events(JsonWriter& json, const KvEndpointStatus* status) {
  if (status == nullptr) {
    json.null();
    return;
  }
  json.begin_object().member("connected", status->connected);
  json.member("knowledge", status->map.knowledge == route::KvKnowledge::Exact ? "exact" : "partial")
      .member("complete", status->map.complete);
  for (const Shown& figure : Figures) json.member(figure.member, figure.value(*status));
  json.member("last_error", status->last_error).end_object();
}

telemetry::Registry::Collection collect_kv_events(telemetry::Registry& registry, Control& control, KvSubscriber& subscriber,
                                                  std::size_t series_max) {
  std::vector<telemetry::CollectedMetric> metrics;
  const auto add = [&](const char* name, const char* help, telemetry::CollectedKind kind) {
    metrics.push_back({.spec = {.name = name, .help = help, .labels = {"pool", "endpoint"}, .series_max = series_max}, .kind = kind});
  };
  for (const Shown& figure : Figures) {
    if (figure.metric != nullptr) add(figure.metric, figure.help, figure.kind);
  }
  constexpr std::size_t Connected = metrics_count(), Exact = Connected + 1, Dropped = Connected + 2;
  add("evener_endpoint_kv_connected", "1 while an endpoint's KV events are connected.", Gauge);
  add("evener_endpoint_kv_exact", "1 while nearly all of an endpoint's requests are found in its KV events.", Gauge);
  metrics.push_back({.spec = {.name = "evener_kv_notes_dropped_total",
                              .help = "Requests of which the follower of KV events did not hear because it was busy.",
                              .labels = {}},
                     .kind = Counter});
  return registry.collect(std::move(metrics), [&control, &subscriber](telemetry::Samples& samples) {
    const std::vector<KvEndpointStatus> all = subscriber.status();
    if (!all.empty()) samples.put(Dropped, {}, static_cast<double>(subscriber.notes_dropped()));
    for (const ManagedPool& pool : control.pools()) {
      for (const auto& endpoint : pool.endpoints) {
        const KvEndpointStatus* status = find_kv(all, endpoint->id);
        if (status == nullptr) continue;
        const auto put = [&](std::size_t metric, double value) { samples.put(metric, {pool.config.name, endpoint->config.name}, value); };
        std::size_t metric = 0;
        for (const Shown& figure : Figures) {
          if (figure.metric != nullptr) put(metric++, figure.value(*status));
        }
        put(Connected, status->connected ? 1 : 0);
        put(Exact, status->map.knowledge == route::KvKnowledge::Exact ? 1 : 0);
      }
    }
  });
}

}  // namespace evener::gateway
