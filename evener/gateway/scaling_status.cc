#include "evener/gateway/scaling_status.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "evener/base/json_writer.h"

namespace evener::gateway {
namespace {

std::string_view state_name(ScaledPool::Member::State state) {
  switch (state) {
    case ScaledPool::Member::State::Checking: return "checking";
    case ScaledPool::Member::State::Serving: return "serving";
    case ScaledPool::Member::State::Draining: return "draining";
  }
  return "unknown";
}

double ago(Instant at, Instant now) { return std::max(0.0, seconds(now - at)); }

void write_reading(JsonWriter& json, const std::optional<route::autoscale::Reading>& reading, Instant now) {
  if (!reading) {
    json.null();
    return;
  }
  json.begin_object().member("age_s", ago(reading->now, now)).member("arrivals_per_s", reading->arrivals_per_s);
  json.member("in_flight", reading->in_flight).member("queued", reading->queued).end_object();
}

void write_kind(JsonWriter& json, const KindStatus& kind, Instant now) {
  const FleetStatus& fleet = kind.fleet;
  json.begin_object().member("name", kind.name).member("capacity", kind.capacity).member("actuator", fleet.actuator);
  json.member("wanted", fleet.wanted).member("ready", fleet.ready).member("draining", fleet.draining).member("desired", fleet.desired);
  json.member("trouble", fleet.trouble).member("failures", fleet.failures).key("retry_in_s");
  if (fleet.retry_at) {
    json.value(std::max(0.0, seconds(*fleet.retry_at - now)));
  } else {
    json.null();
  }
  json.end_object();
}

void write_pool(JsonWriter& json, const ScalingStatus& status, Instant now) {
  json.begin_object().member("pool", status.pool).member("least", status.least).member("most", status.most);
  json.member("wanted", status.wanted).member("ready", status.ready).key("kinds").begin_array();
  for (const KindStatus& kind : status.kinds) write_kind(json, kind, now);
  json.end_array().member("startup_s", seconds(status.startup)).key("held");
  if (status.held_at) {
    json.begin_object().member("replicas", *status.held_at).member("for_s", std::max(0.0, seconds(status.held_until - now))).end_object();
  } else {
    json.null();
  }
  json.key("reading");
  write_reading(json, status.reading, now);
  json.member("decision", status.reading ? status.decision.explain() : std::string()).key("proposals").begin_array();
  for (const route::autoscale::Vote& vote : status.decision.votes) {
    json.begin_object().member("controller", vote.controller).member("replicas", vote.proposal.replicas);
    json.member("load", vote.proposal.load).member("per_replica", vote.proposal.per_replica).end_object();
  }
  json.end_array().key("changes").begin_array();
  for (auto change = status.changes.rbegin(); change != status.changes.rend(); ++change) {
    json.begin_object()
        .member("age_s", ago(change->at, now))
        .member("from", change->from)
        .member("to", change->to)
        .member("why", change->why)
        .end_object();
  }
  json.end_array().key("replicas").begin_array();
  for (const ScaledPool::Member& member : status.members) {
    json.begin_object()
        .member("url", member.url)
        .member("kind", member.kind)
        .member("state", state_name(member.state))
        .member("healthy", member.healthy);
    json.member("in_flight", member.in_flight).end_object();
  }
  json.end_array().end_object();
}

}  // namespace

std::string scaling_json(const Scaling& scaling, Instant now) {
  std::string out;
  JsonWriter json(out);
  json.begin_object().member("schema", "evener.scaling/1").key("pools").begin_array();
  for (const ScalingStatus& status : scaling.status()) write_pool(json, status, now);
  json.end_array().end_object();
  return out;
}

telemetry::Registry::Collection collect_scaling(telemetry::Registry& registry, const Scaling& scaling) {
  enum : std::size_t { Replicas, Limit, Proposed, Load, Changes, Failures, Startup };
  using telemetry::CollectedKind;
  return registry.collect(
      {{.spec =
            {.name = "evener_scaling_replicas",
             .help =
                 "Replicas of a scaled pool: wanted, ready (of these, those that serve) and draining (no longer wanted, not stopped yet).",
             .labels = {"pool", "kind", "state"}}},
       {.spec = {.name = "evener_scaling_limit",
                 .help = "The least and the greatest number of replicas that a pool may have.",
                 .labels = {"pool", "limit"}}},
       {.spec = {.name = "evener_scaling_proposed", .help = "Replicas that a controller asks for.", .labels = {"pool", "controller"}}},
       {.spec = {.name = "evener_scaling_load",
                 .help = "The load by which it asks for them, in its own measure.",
                 .labels = {"pool", "controller"}}},
       {.spec = {.name = "evener_scaling_changes_total",
                 .help = "Replicas by which a pool has grown (up) and shrunk (down).",
                 .labels = {"pool", "direction"}},
        .kind = CollectedKind::Counter},
       {.spec = {.name = "evener_scaling_failures_total",
                 .help = "Calls of a pool's actuator that failed.",
                 .labels = {"pool", "kind", "actuator"}},
        .kind = CollectedKind::Counter},
       {.spec = {.name = "evener_scaling_startup_seconds",
                 .help = "Time from a replica's start until it serves, which is expected: the 90 % quantile of the latest.",
                 .labels = {"pool"}}}},
      [&scaling](telemetry::Samples& samples) {
        for (const ScalingStatus& status : scaling.status()) {
          for (const KindStatus& kind : status.kinds) {
            const FleetStatus& fleet = kind.fleet;
            samples.put(Replicas, {status.pool, kind.name, "wanted"}, fleet.wanted);
            samples.put(Replicas, {status.pool, kind.name, "ready"}, fleet.ready);
            samples.put(Replicas, {status.pool, kind.name, "draining"}, fleet.draining);
            samples.put(Failures, {status.pool, kind.name, fleet.actuator}, static_cast<double>(fleet.failures_total));
          }
          samples.put(Limit, {status.pool, "least"}, status.least);
          samples.put(Limit, {status.pool, "most"}, status.most);
          for (const route::autoscale::Vote& vote : status.decision.votes) {
            samples.put(Proposed, {status.pool, vote.controller}, vote.proposal.replicas);
            samples.put(Load, {status.pool, vote.controller}, vote.proposal.load);
          }
          samples.put(Changes, {status.pool, "up"}, static_cast<double>(status.grown_total));
          samples.put(Changes, {status.pool, "down"}, static_cast<double>(status.shrunk_total));
          samples.put(Startup, {status.pool}, seconds(status.startup));
        }
      });
}

}  // namespace evener::gateway
