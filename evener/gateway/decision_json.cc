#include "evener/gateway/decision_json.h"

#include <optional>

#include "evener/base/json_writer.h"
#include "evener/gateway/metrics.h"

namespace evener::gateway {
namespace {

void write_seconds(JsonWriter& json, std::string_view name, const std::optional<double>& value_s) {
  json.key(name);
  if (value_s) {
    json.value(*value_s);
  } else {
    json.null();
  }
}

std::optional<double> if_known(double value) { return value > 0 ? std::optional(value) : std::nullopt; }

std::string_view name_of(const ManagedPool& pool, EndpointId id) {
  for (const auto& endpoint : pool.endpoints) {
    if (endpoint->id == id) return endpoint->config.name;
  }
  return "(removed since)";
}

void write_endpoints(JsonWriter& json, const ManagedPool& pool, const route::Explanation& explanation) {
  json.member("endpoints_total", explanation.endpoints_total);
  json.key("endpoints").begin_array();
  const std::size_t scorers = explanation.scorers.size();
  for (std::size_t i = 0; i < explanation.endpoints.size(); ++i) {
    const route::EndpointExplanation& one = explanation.endpoints[i];
    json.begin_object().member("endpoint", name_of(pool, one.id)).member("candidate", one.candidate());
    json.member("filtered_by", route::left_out_name(one.left_out));
    write_seconds(json, "cost", one.cost);
    json.member("in_flight", one.in_flight).member("cached_tokens", one.cached_tokens);
    if (scorers > 0) {
      json.key("scores").begin_object();
      for (std::size_t scorer = 0; scorer < scorers; ++scorer) {
        const float score = explanation.scores[i * scorers + scorer];
        if (score >= 0) json.member(explanation.scorers[scorer], static_cast<double>(score));
      }
      json.end_object();
    }
    json.end_object();
  }
  json.end_array();
}

void write_prediction(JsonWriter& json, const route::Share& share) {
  json.key("prediction").begin_object();
  write_seconds(json, "first_token_s", if_known(share.predicted_first_token_s));
  write_seconds(json, "token_s", if_known(share.predicted_token_s));
  write_seconds(json, "total_s", if_known(share.predicted_total_s()));
  json.member("prompt_tokens", share.prompt_tokens).member("cached_tokens", cached_expected(share));
  json.member("output_tokens", share.output_tokens).end_object();
}

void write_outcome(JsonWriter& json, const route::Outcome& outcome) {
  json.member("ending", ending_name(outcome.ending)).member("total_s", seconds(outcome.total));
  write_seconds(json, "first_token_s", outcome.first_token ? std::optional(seconds(*outcome.first_token)) : std::nullopt);
  write_seconds(json, "token_s", token_seconds(outcome));
  json.key("usage");
  if (!outcome.usage) {
    json.null();
    return;
  }
  json.begin_object().member("prompt_tokens", outcome.usage->prompt_tokens).member("output_tokens", outcome.usage->output_tokens);
  json.key("cached_tokens");
  if (outcome.usage->cached_tokens) {
    json.value(*outcome.usage->cached_tokens);
  } else {
    json.null();
  }
  json.end_object();
}

void write_decision(JsonWriter& json, const ManagedPool& pool, const DecisionRecord& record) {
  json.begin_object().member("request_id", record.request_id).member("pool", pool.config.name).member("model", record.model);
  json.member("time_unix_s", static_cast<double>(record.at_wall_ns) / 1e9).member("attempt", record.attempt);
  json.member("policy", record.explanation.policy);
  if (const auto* dispatch = std::get_if<route::Dispatch>(&record.decision)) {
    json.member("decision", "dispatched").member("endpoint", name_of(pool, dispatch->endpoint));
    json.member("why", route::pick_reason_name(dispatch->reason)).member("candidates", dispatch->candidates);
    write_prediction(json, dispatch->share);
  } else if (const auto* refusal = std::get_if<route::Refusal>(&record.decision)) {
    json.member("decision", "refused").member("why", route::refusal_name(refusal->reason));
  } else {
    json.member("decision", "queued");
  }
  write_seconds(json, "waited_s", record.waited ? std::optional(seconds(*record.waited)) : std::nullopt);
  json.member("ended", record.ended);
  if (record.ended) write_outcome(json, record.outcome);
  write_endpoints(json, pool, record.explanation);
  json.end_object();
}

}  // namespace

std::string decisions_json(Control& control, std::string_view pool_name, std::string_view request_id, std::size_t most) {
  std::string out;
  JsonWriter json(out);
  json.begin_object().member("schema", "evener.decisions/1").key("decisions").begin_array();
  for (const ManagedPool& pool : control.pools()) {
    if (!pool_name.empty() && pool.config.name != pool_name) continue;
    for (const DecisionRecord& record : pool.pool->decisions(request_id, most)) write_decision(json, pool, record);
  }
  json.end_array().end_object();
  return out;
}

std::string explain_json(Control& control, std::string_view pool_name, std::string_view model) {
  const Instant now = control.reactor.now();
  std::string out;
  JsonWriter json(out);
  json.begin_object().member("schema", "evener.explain/1").key("pools").begin_array();
  for (const ManagedPool& pool : control.pools()) {
    if (!pool_name.empty() && pool.config.name != pool_name) continue;
    route::RequestView request;
    request.prompt_tokens = request.output_tokens = 1;  // some small request: what has no tokens could not be priced
    const auto adapter = pool.config.adapters.find(std::string(model));
    if (adapter != pool.config.adapters.end()) {
      request.model = model_hash(adapter->second);
      request.adapter = model_hash(model);
    } else if (!model.empty()) {
      request.model = model_hash(model);
    }
    const route::Explanation explanation =
        pool.pool->with_scheduler(now, [&](route::RecordedScheduler& scheduler) { return scheduler.explain(request, now); });
    json.begin_object().member("pool", pool.config.name).member("policy", explanation.policy);
    write_endpoints(json, pool, explanation);
    json.end_object();
  }
  json.end_array().end_object();
  return out;
}

}  // namespace evener::gateway
