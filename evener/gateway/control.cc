#include "evener/gateway/control.h"

#include <algorithm>

#include "evener/base/log.h"
#include "evener/gateway/endpoint_url.h"
#include "evener/gateway/health_check.h"
#include "evener/gateway/kv_to_index.h"
#include "evener/gateway/kv_subscriber.h"
#include "evener/gateway/recorder.h"
#include "evener/telemetry/metrics.h"

namespace evener::gateway {
namespace {

constexpr Duration TickInterval = std::chrono::milliseconds(100);
constexpr int ChecksPerIntervalWhenUnsure = 5;  // while an endpoint's state is changing
/// From one check to the next that a failed attempt asks for. Attempts may fail thousands of times a second; ten checks a second tell as
/// much, and with the usual three failures still find a dead endpoint within a third of a second.
constexpr Duration CheckSoonGapMin = std::chrono::milliseconds(100);

std::string_view health_name(route::Health health) {
  switch (health) {
    case route::Health::Healthy: return "healthy";
    case route::Health::Down: return "down";
    case route::Health::Ejected: return "ejected";
    case route::Health::Backoff: return "backoff";
    case route::Health::Draining: return "draining";
  }
  return "unknown";
}

std::shared_ptr<route::KvListener> listener_of(const ManagedPool& pool) {
  constexpr double BytesPerToken = 4;  // of English; a capacity need not be known better
  return std::make_shared<KvToIndex>(pool.pool, pool.config.prefix_index.block_bytes / BytesPerToken);
}

Place place_of(ManagedPool& pool, const EndpointConfig& endpoint) {
  Place place{.zone = pool.zones.number(endpoint.zone)};
  if (const auto zone = pool.config.zones.find(endpoint.zone); zone != pool.config.zones.end()) {
    place.latency = zone->second.latency;
    place.price = zone->second.price;
  }
  const std::vector<EndpointConfig>& all = pool.config.endpoints;
  place.any_adapter = std::all_of(all.begin(), all.end(), [](const EndpointConfig& one) { return one.adapters.empty(); }) &&
                      (!pool.config.scale.enabled() || pool.config.replica.adapters.empty());
  return place;
}

/// The configured endpoints and, as long as the pool is scaled, the replicas that it has now.
std::vector<EndpointConfig> with_replicas(const ManagedPool& pool, const PoolConfig& config) {
  std::vector<EndpointConfig> all = config.endpoints;
  if (!config.scale.enabled()) return all;
  for (const auto& endpoint : pool.endpoints) {
    if (!endpoint->scaled) continue;
    all.push_back(replica_config(config, endpoint->config.url, endpoint->kind));
  }
  return all;
}

/// The first endpoints of a pool get traffic at once: a failing check or attempt corrects that sooner than a first check could confirm it. One that
/// joins others waits for its first good check, because its engine may still be loading, and the others do its work until then.
route::Scheduler::Start start_in(const ManagedPool& pool) {
  return pool.endpoints.empty() ? route::Scheduler::Start::Healthy : route::Scheduler::Start::AwaitCheck;
}

}  // namespace

Control::Control(Shared& shared, std::uint64_t seed) : shared_(shared), rng_(seed) {}

Control::~Control() {
  stop();
  if (reactor.live_tasks() == 0) return;
  reactor.stop();  // it was never started: what was spawned ends here, where what it uses still is
  reactor.run();
}

void Control::start() {
  reactor.spawn(tick());
  reactor.spawn(follow_names());
  thread_ = std::thread([this] { reactor.run(); });
}

void Control::stop() {
  if (!thread_.joinable()) return;
  reactor.stop();
  thread_.join();
}

ManagedPool* Control::find_pool(std::string_view name) {
  for (ManagedPool& pool : pools_) {
    if (pool.config.name == name) return &pool;
  }
  return nullptr;
}

std::shared_ptr<ManagedEndpoint> Control::new_endpoint(ManagedPool& pool, const EndpointConfig& config, route::Scheduler::Start start) {
  auto endpoint = introduce(pool, config);
  admit(pool, endpoint, start);
  return endpoint;
}

std::shared_ptr<ManagedEndpoint> Control::introduce(ManagedPool& pool, const EndpointConfig& config) {
  auto endpoint = std::make_shared<ManagedEndpoint>(reactor, EndpointId{++last_endpoint_id_}, config);
  locate(endpoint);
  endpoint->metrics = std::make_shared<EndpointMetrics>(shared_.metrics->endpoint(pool.config.name, config.name));
  pool.endpoints.push_back(endpoint);
  return endpoint;
}

void Control::admit(ManagedPool& pool, const std::shared_ptr<ManagedEndpoint>& endpoint, route::Scheduler::Start start) {
  const EndpointConfig& config = endpoint->config;
  const Instant now = reactor.now();
  pool.pool->with_scheduler(now, [&](route::RecordedScheduler& scheduler) {
    scheduler.put_endpoint(endpoint->id, endpoint_settings(config, place_of(pool, config)), now, start);
  });
  if (!config.kv_events.address.empty()) shared_.kv_events->follow(endpoint->id, config.kv_events, listener_of(pool));
  reactor.spawn(check_endpoint(endpoint, pool.config.name));
  reactor.spawn(collect_load(*this, endpoint, pool.config.name));
}

void Control::locate(const std::shared_ptr<ManagedEndpoint>& endpoint) {
  // The configuration was checked; a programmatic one that is wrong gives an endpoint that is never resolved, hence down.
  const auto url = parse_endpoint_url(endpoint->config.url);
  if (!url) return;
  endpoint->target = url->target;
  endpoint->path_prefix = url->path_prefix;
  if (auto literal = net::Address::parse(url->host_header); literal || (literal = net::Address::parse(url->host_header + ":80"))) {
    endpoint->addresses = {*literal};
  } else {
    resolve(endpoint);
  }
}

void Control::drop_endpoint(ManagedPool& pool, std::size_t index) {
  const std::shared_ptr<ManagedEndpoint> endpoint = pool.endpoints[index];
  endpoint->removed = true;
  endpoint->check_now.set();
  if (!endpoint->config.kv_events.address.empty()) shared_.kv_events->forget(endpoint->id);
  endpoint->read_load_now.set();
  last_health_.erase(static_cast<std::uint32_t>(endpoint->id));
  pool.endpoints.erase(pool.endpoints.begin() + static_cast<std::ptrdiff_t>(index));
  const Instant now = reactor.now();
  pool.pool->with_scheduler(now, [&](route::RecordedScheduler& scheduler) { scheduler.remove_endpoint(endpoint->id, now); });
  shared_.metrics->drop_endpoint(pool.config.name, endpoint->config.name);
}

void Control::update_pool(ManagedPool& pool, const PoolConfig& config) {
  const Instant now = reactor.now();
  const bool other_reports = !(pool.config.load_reports == config.load_reports);
  pool.config = config;
  pool.pool->with_scheduler(now, [&](route::RecordedScheduler& scheduler) { scheduler.configure(pool_settings(config), now); });
  if (!config.scale.enabled()) {
    while (!pool.joining.empty()) drop_joining(pool, pool.joining.size() - 1);
  }
  const std::vector<EndpointConfig> endpoints = with_replicas(pool, config);
  for (std::size_t i = pool.endpoints.size(); i-- > 0;) {
    const ManagedEndpoint& endpoint = *pool.endpoints[i];
    const bool stays = std::any_of(endpoints.begin(), endpoints.end(), [&](const EndpointConfig& wanted) {
      return wanted.name == endpoint.config.name && wanted.url == endpoint.config.url;
    });
    if (!stays) drop_endpoint(pool, i);
  }
  const route::Scheduler::Start start = start_in(pool);
  for (const EndpointConfig& wanted : endpoints) {
    const auto known = std::find_if(pool.endpoints.begin(), pool.endpoints.end(),
                                    [&](const auto& endpoint) { return endpoint->config.name == wanted.name; });
    if (known == pool.endpoints.end()) {
      new_endpoint(pool, wanted, start);
      continue;
    }
    const EndpointConfig& was = (*known)->config;
    if (other_reports || was.engine != wanted.engine || was.metrics_port != wanted.metrics_port) (*known)->read_load_now.set();
    if (const KvEventsConfig& was_followed = (*known)->config.kv_events; wanted.kv_events != was_followed) {
      if (wanted.kv_events.address.empty()) {
        shared_.kv_events->forget((*known)->id);
      } else {
        shared_.kv_events->follow((*known)->id, wanted.kv_events, listener_of(pool));
      }
    }
    (*known)->config = wanted;
    if (!config.health_check.enabled) (*known)->last_check.clear();  // it would be shown for ever
    pool.pool->with_scheduler(now, [&](route::RecordedScheduler& scheduler) {
      scheduler.put_endpoint((*known)->id, endpoint_settings(wanted, place_of(pool, wanted)), now);
    });
    (*known)->check_now.set();
  }
}

void Control::apply(const Config& config) {
  config_ = config;
  shared_.memory.set_limit(config.limits.memory_bytes);
  for (std::size_t i = pools_.size(); i-- > 0;) {
    const bool stays = std::any_of(config.pools.begin(), config.pools.end(),
                                   [&](const PoolConfig& wanted) { return wanted.name == pools_[i].config.name; });
    if (stays) continue;
    while (!pools_[i].joining.empty()) drop_joining(pools_[i], pools_[i].joining.size() - 1);
    while (!pools_[i].endpoints.empty()) drop_endpoint(pools_[i], pools_[i].endpoints.size() - 1);
    pools_.erase(pools_.begin() + static_cast<std::ptrdiff_t>(i));
  }
  for (const PoolConfig& wanted : config.pools) {
    ManagedPool* pool = find_pool(wanted.name);
    if (pool == nullptr) {
      const std::uint64_t seed = rng_.fork(++pools_made_).next();
      auto recording = shared_.recorder != nullptr ? shared_.recorder->pool_sink() : nullptr;
      pools_.push_back({.pool = std::make_shared<Pool>(wanted, seed, shared_.metrics->pool(wanted.name), std::move(recording)),
                        .config = wanted,
                        .endpoints = {},
                        .joining = {},
                        .zones = {}});
      pool = &pools_.back();
    }
    update_pool(*pool, wanted);
  }
  publish();
}

void Control::publish() {
  std::vector<PoolRoute> routes;
  for (ManagedPool& pool : pools_) {
    PoolRoute route{.pool = pool.pool, .config = pool.config, .endpoints = {}, .rules = {}};
    route.config.endpoints.clear();
    for (const auto& managed : pool.endpoints) {
      auto endpoint = std::make_shared<Endpoint>();
      endpoint->id = managed->id;
      endpoint->config = managed->config;
      endpoint->resolved = !managed->addresses.empty();
      if (endpoint->resolved) endpoint->address = managed->addresses[managed->address_in_use];
      if (const auto url = parse_endpoint_url(managed->config.url)) endpoint->host_header = url->host_header;
      endpoint->path_prefix = managed->path_prefix;
      endpoint->authorization = bearer_from_environment(managed->config.api_key_env);
      endpoint->metrics = managed->metrics;
      route.endpoints.push_back(std::move(endpoint));
    }
    std::vector<const EndpointConfig*> configs;
    for (const auto& managed : pool.endpoints) configs.push_back(&managed->config);
    route.rules = request_rules(pool.config, configs, pool.zones);
    routes.push_back(std::move(route));
  }
  Config shown = config_;
  shown.pools.clear();  // they are in the routes, as they are now
  shared_.routing.publish(std::make_shared<const Routing>(std::move(shown), std::move(routes)));
}

Control::Change Control::add_endpoint(std::string_view pool_name, EndpointConfig endpoint) {
  ManagedPool* pool = find_pool(pool_name);
  if (pool == nullptr) return Change::NoSuchPool;
  for (const auto& known : pool->endpoints) {
    if (known->config.name == endpoint.name) return Change::NameTaken;
  }
  if (pool->endpoints.size() >= EndpointsMax) return Change::TooManyEndpoints;
  log::info("endpoint added", {{"pool", pool->config.name}, {"endpoint", endpoint.name}, {"url", endpoint.url}});
  new_endpoint(*pool, endpoint, start_in(*pool));
  publish();
  return Change::Done;
}

Control::Change Control::remove_endpoint(std::string_view pool_name, std::string_view name) {
  ManagedPool* pool = find_pool(pool_name);
  if (pool == nullptr) return Change::NoSuchPool;
  for (std::size_t i = 0; i < pool->endpoints.size(); ++i) {
    if (pool->endpoints[i]->config.name != name) continue;
    log::info("endpoint removed", {{"pool", pool->config.name}, {"endpoint", name}});
    drop_endpoint(*pool, i);
    publish();
    return Change::Done;
  }
  return Change::NoSuchEndpoint;
}

Control::Change Control::set_drain(std::string_view pool_name, std::string_view name, route::Scheduler::Drain drain) {
  ManagedPool* pool = find_pool(pool_name);
  if (pool == nullptr) return Change::NoSuchPool;
  for (const auto& endpoint : pool->endpoints) {
    if (endpoint->config.name != name) continue;
    const Instant now = reactor.now();
    endpoint->drained_by_operator = drain == route::Scheduler::Drain::Yes;
    pool->pool->with_scheduler(now, [&](route::RecordedScheduler& scheduler) { scheduler.set_drain(endpoint->id, drain, now); });
    return Change::Done;
  }
  return Change::NoSuchEndpoint;
}

Control::Change Control::set_weight(std::string_view pool_name, std::string_view name, double weight) {
  ManagedPool* pool = find_pool(pool_name);
  if (pool == nullptr) return Change::NoSuchPool;
  for (const auto& endpoint : pool->endpoints) {
    if (endpoint->config.name != name) continue;
    const Instant now = reactor.now();
    pool->pool->with_scheduler(now, [&](route::RecordedScheduler& scheduler) { scheduler.set_weight(endpoint->id, weight, now); });
    return Change::Done;
  }
  return Change::NoSuchEndpoint;
}

void Control::check_soon(EndpointId id) {
  for (const ManagedPool& pool : pools_) {
    const auto at =
        std::lower_bound(pool.endpoints.begin(), pool.endpoints.end(), id,
                         [](const std::shared_ptr<ManagedEndpoint>& endpoint, EndpointId wanted) { return endpoint->id < wanted; });
    if (at != pool.endpoints.end() && (*at)->id == id) (*at)->check_now.set();
  }
}

net::Task<> Control::check_endpoint(std::shared_ptr<ManagedEndpoint> endpoint, std::string pool_name) {
  net::HttpClient client(reactor);
  // Spread over the interval, so that a thousand endpoints are not asked in the same instant.
  bool first = true;
  bool unsure = true;
  std::uint32_t same_in_a_row = 0;
  bool last_passed = true;
  Instant last_asked = reactor.now() - CheckSoonGapMin;
  while (!endpoint->removed) {
    const ManagedPool* pool = find_pool(pool_name);
    if (pool == nullptr) break;
    const HealthCheckConfig check = pool->config.health_check;
    const double spread = first ? rng_.uniform() * 0.2 : 0.9 + 0.2 * rng_.uniform();
    const Duration interval = unsure && !first ? check.interval / ChecksPerIntervalWhenUnsure : check.interval;
    first = false;
    const auto woken = co_await endpoint->check_now.wait_until(reactor.now() + from_seconds(seconds(interval) * spread));
    if (woken == net::Event::Result::Cancelled) break;
    if (const Instant soonest = last_asked + CheckSoonGapMin; woken == net::Event::Result::Set && reactor.now() < soonest) {
      if (!co_await reactor.sleep(soonest - reactor.now())) break;
    }
    if (endpoint->removed || !check.enabled) continue;
    last_asked = reactor.now();
    const CheckFinding finding = co_await check_health(reactor, client, *endpoint, check);
    if (endpoint->removed) break;
    pool = find_pool(pool_name);  // a reload may have changed it meanwhile
    if (pool == nullptr) break;
    if (!pool->config.health_check.enabled) continue;
    const std::shared_ptr<Pool> alive = pool->pool;
    endpoint->last_check = finding.text;
    if (!finding.passed && endpoint->addresses.size() > 1) {
      endpoint->address_in_use = (endpoint->address_in_use + 1) % endpoint->addresses.size();
      publish();
    }
    const Instant now = reactor.now();
    alive->with_scheduler(now, [&](route::RecordedScheduler& scheduler) {
      scheduler.checked(endpoint->id, finding.passed ? route::Scheduler::Check::Passed : route::Scheduler::Check::Failed, now);
    });
    same_in_a_row = finding.passed == last_passed ? same_in_a_row + 1 : 1;
    last_passed = finding.passed;
    unsure = same_in_a_row < (finding.passed ? check.rise : check.fall);
  }
}

void Control::resolve(const std::shared_ptr<ManagedEndpoint>& endpoint) {
  const std::weak_ptr<ManagedEndpoint> weak = endpoint;
  resolver_.resolve(endpoint->target.host, endpoint->target.port, [this, weak](Result<std::vector<net::Address>> found) {
    reactor.post([this, weak, found = std::move(found)] {
      const std::shared_ptr<ManagedEndpoint> same = weak.lock();
      if (!same || same->removed) return;
      if (!found) {
        log::warn("name not resolved; its last good address stays in use",
                  {{"endpoint", same->config.name}, {"error", found.error().message}});
        return;
      }
      const bool first = same->addresses.empty();
      const net::Address used = first ? net::Address() : same->addresses[same->address_in_use];
      if (same->addresses == *found) return;
      same->addresses = *found;
      const auto still = std::find(same->addresses.begin(), same->addresses.end(), used);
      same->address_in_use = still == same->addresses.end() ? 0 : static_cast<std::size_t>(still - same->addresses.begin());
      if (still == same->addresses.end()) {
        log::info("endpoint address", {{"endpoint", same->config.name}, {"address", same->addresses.front().text()}});
      }
      same->check_now.set();
      publish();
    });
  });
}

net::Task<> Control::follow_names() {
  while (co_await reactor.sleep(std::max<Duration>(config_.dns_refresh, std::chrono::seconds(1)))) {
    for (const ManagedPool& pool : pools_) {
      for (const auto* endpoints : {&pool.endpoints, &pool.joining}) {
        for (const auto& endpoint : *endpoints) {
          if (!net::Address::parse(endpoint->target.host + ":1") && !net::Address::parse("[" + endpoint->target.host + "]:1"))
            resolve(endpoint);
        }
      }
    }
  }
}

net::Task<> Control::tick() {
  std::uint32_t ticks = 0;
  while (co_await reactor.sleep(TickInterval)) {
    const Instant now = reactor.now();
    for (const ManagedPool& pool : pools_) {
      pool.pool->with_scheduler(now, [&](route::RecordedScheduler& scheduler) { scheduler.tick(now); });
    }
    if (++ticks % 5 == 0) log_health_changes();
  }
}

void Control::log_health_changes() {
  const Instant now = reactor.now();
  for (const ManagedPool& pool : pools_) {
    const auto statuses = pool.pool->with_scheduler(now, [&](route::RecordedScheduler& scheduler) { return scheduler.status(now); });
    std::size_t at = 0;
    for (const route::EndpointStatus& status : statuses) {
      while (at < pool.endpoints.size() && pool.endpoints[at]->id < status.id) ++at;
      if (at == pool.endpoints.size()) break;
      const auto [known, fresh] = last_health_.try_emplace(static_cast<std::uint32_t>(status.id), route::Health::Healthy);
      if (known->second == status.health) continue;
      known->second = status.health;
      const auto& endpoint = *pool.endpoints[at];
      const auto level = status.health == route::Health::Healthy ? log::Level::Info : log::Level::Warn;
      log::write(level, "endpoint health",
                 {{"pool", pool.config.name},
                  {"endpoint", endpoint.config.name},
                  {"health", health_name(status.health)},
                  {"last_check", endpoint.last_check},
                  {"consecutive_failures", status.consecutive_failures}});
    }
  }
}

}  // namespace evener::gateway
