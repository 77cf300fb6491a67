#include "evener/gateway/external_status.h"

#include <array>
#include <string_view>
#include <utility>
#include <vector>

namespace evener::gateway {
namespace {

constexpr std::array<std::string_view, RateKinds> KindNames = {"requests", "tokens", "input_tokens", "output_tokens"};

double units(route::NanoMoney amount) { return static_cast<double>(amount) / route::NanosPerUnit; }

}  // namespace

void write_spend(JsonWriter& json, const route::SpendStatus& spend) {
  json.begin_object().member("total", units(spend.total)).member("in_period", units(spend.spent)).member("reserved", units(spend.reserved));
  json.key("limit");
  if (spend.settings.limit > 0) {
    json.value(units(spend.settings.limit));
  } else {
    json.null();
  }
  json.member("period_s", seconds(spend.settings.per)).end_object();
}

void write_external(JsonWriter& json, const std::optional<route::ExternalStatus>& external) {
  if (!external) {
    json.null();
    return;
  }
  json.begin_object().key("remaining").begin_object();
  for (std::size_t i = 0; i < RateKinds; ++i) {
    json.key(KindNames[i]);
    if (external->remaining[i]) {
      json.value(*external->remaining[i]);
    } else {
      json.null();
    }
  }
  json.end_object().key("spend");
  write_spend(json, external->spend);
  json.end_object();
}

telemetry::Registry::Collection collect_external(telemetry::Registry& registry, Control& control, std::size_t series_max) {
  using telemetry::CollectedKind;
  std::vector<telemetry::CollectedMetric> metrics;
  const auto add = [&](const char* name, const char* help, std::vector<std::string> labels, std::size_t series, CollectedKind kind) {
    metrics.push_back({.spec = {.name = name, .help = help, .labels = std::move(labels), .series_max = series}, .kind = kind});
    return metrics.size() - 1;
  };
  const std::size_t spent = add("evener_endpoint_spent_total", "Money spent at an external endpoint, in the currency of its price.",
                                {"pool", "endpoint"}, series_max, CollectedKind::Counter);
  const std::size_t reserved =
      add("evener_endpoint_spend_reserved", "Money that requests in flight at an external endpoint may cost at most.", {"pool", "endpoint"},
          series_max, CollectedKind::Gauge);
  const std::size_t period = add("evener_endpoint_spend_in_period", "Money spent at an external endpoint within the period of its limit.",
                                 {"pool", "endpoint"}, series_max, CollectedKind::Gauge);
  const std::size_t limit = add("evener_endpoint_spend_limit", "Most that may be spent at an external endpoint within the period.",
                                {"pool", "endpoint"}, series_max, CollectedKind::Gauge);
  const std::size_t remaining =
      add("evener_endpoint_rate_remaining", "Requests or tokens that an external endpoint's rate limits leave, as far as they are known.",
          {"pool", "endpoint", "kind"}, series_max * RateKinds, CollectedKind::Gauge);
  const std::size_t pool_spent =
      add("evener_pool_spend_in_period", "Money spent at a pool's external endpoints within the period of its limit.", {"pool"},
          telemetry::DefaultSeriesMax, CollectedKind::Gauge);
  const std::size_t pool_limit = add("evener_pool_spend_limit", "Most that may be spent at a pool's external endpoints within the period.",
                                     {"pool"}, telemetry::DefaultSeriesMax, CollectedKind::Gauge);
  return registry.collect(std::move(metrics), [=, &control](telemetry::Samples& samples) {
    const Instant now = control.reactor.now();
    for (const ManagedPool& pool : control.pools()) {
      const auto [statuses, spend] = pool.pool->with_scheduler(
          now, [&](route::RecordedScheduler& scheduler) { return std::pair(scheduler.status(now), scheduler.spend(now)); });
      if (spend.settings.limit > 0) {
        samples.put(pool_spent, {pool.config.name}, units(spend.spent));
        samples.put(pool_limit, {pool.config.name}, units(spend.settings.limit));
      }
      std::size_t at = 0;
      for (const route::EndpointStatus& status : statuses) {  // both by rising id
        while (at < pool.endpoints.size() && pool.endpoints[at]->id < status.id) ++at;
        if (at == pool.endpoints.size()) break;
        if (pool.endpoints[at]->id != status.id || !status.external) continue;
        const std::string& name = pool.endpoints[at]->config.name;
        const route::SpendStatus& there = status.external->spend;
        samples.put(spent, {pool.config.name, name}, units(there.total));
        samples.put(reserved, {pool.config.name, name}, units(there.reserved));
        samples.put(period, {pool.config.name, name}, units(there.spent));
        if (there.settings.limit > 0) samples.put(limit, {pool.config.name, name}, units(there.settings.limit));
        for (std::size_t i = 0; i < RateKinds; ++i) {
          if (status.external->remaining[i]) samples.put(remaining, {pool.config.name, name, KindNames[i]}, *status.external->remaining[i]);
        }
      }
    }
  });
}

}  // namespace evener::gateway
