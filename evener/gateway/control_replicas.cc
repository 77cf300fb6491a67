// Control's part about the replicas of a pool's scaler: they are checked before they are endpoints, and drained before they are none.

#include <algorithm>

#include "evener/base/log.h"
#include "evener/gateway/config_schema.h"
#include "evener/gateway/control.h"
#include "evener/gateway/endpoint_url.h"
#include "evener/gateway/health_check.h"

namespace evener::gateway {
namespace {

/// An engine that starts is asked this often, so that its first request does not wait for the pace at which those that serve are checked.
constexpr Duration JoinInterval = std::chrono::milliseconds(200);

auto find_url(std::vector<std::shared_ptr<ManagedEndpoint>>& among, std::string_view url) {
  return std::find_if(among.begin(), among.end(), [&](const auto& one) { return one->config.url == url; });
}

}  // namespace

EndpointConfig replica_config(const PoolConfig& pool, const std::string& url, const std::string& kind) {
  EndpointConfig config = pool.replica;
  config.name = default_endpoint_name(url);
  config.url = url;
  for (const KindConfig& one : pool.scale.kinds) {
    if (one.name != kind) continue;
    config.weight *= one.capacity;
    if (config.capacity > 0) config.capacity = std::max(1U, static_cast<std::uint32_t>(config.capacity * one.capacity));
  }
  return config;
}

void Control::join_replica(std::string_view pool_name, const std::string& url, const std::string& kind) {
  ManagedPool* pool = find_pool(pool_name);
  if (pool == nullptr || !pool->config.scale.enabled() || find_url(pool->joining, url) != pool->joining.end()) return;
  const EndpointConfig config = replica_config(pool->config, url, kind);
  const bool taken =
      std::any_of(pool->endpoints.begin(), pool->endpoints.end(), [&](const auto& one) { return one->config.name == config.name; });
  if (taken || pool->endpoints.size() + pool->joining.size() >= EndpointsMax || !parse_endpoint_url(url)) return;
  auto replica = std::make_shared<ManagedEndpoint>(reactor, EndpointId{0}, config);
  replica->scaled = true;
  replica->kind = kind;
  locate(replica);
  pool->joining.push_back(replica);
  reactor.spawn(await_replica(replica, pool->config.name));
}

net::Task<> Control::await_replica(std::shared_ptr<ManagedEndpoint> replica, std::string pool_name) {
  net::HttpClient client(reactor);
  while (!replica->removed) {
    const ManagedPool* asking = find_pool(pool_name);
    if (asking == nullptr) co_return;
    const HealthCheckConfig check = asking->config.health_check;
    const CheckFinding finding = co_await check_health(reactor, client, *replica, check);
    if (replica->removed) co_return;
    replica->last_check = finding.text;
    ManagedPool* pool = find_pool(pool_name);
    if (pool == nullptr) co_return;
    if (finding.passed && !replica->leaving) {
      pool->joining.erase(find_url(pool->joining, replica->config.url));
      const EndpointConfig config = replica_config(pool->config, replica->config.url, replica->kind);  // as it is after a reload
      const auto endpoint = introduce(*pool, config);
      endpoint->scaled = true;
      endpoint->kind = replica->kind;
      endpoint->last_check = finding.text;
      endpoint->addresses = replica->addresses;
      publish();  // first, as a waiting request goes there at once
      admit(*pool, endpoint, route::Scheduler::Start::Healthy);
      log::info("endpoint added", {{"pool", pool_name}, {"endpoint", config.name}, {"url", config.url}});
      co_return;
    }
    if (!co_await reactor.sleep(std::min(check.interval, JoinInterval))) co_return;
  }
}

void Control::drain_replica(std::string_view pool_name, const std::string& url, route::Scheduler::Drain drain) {
  ManagedPool* pool = find_pool(pool_name);
  if (pool == nullptr) return;
  if (const auto joining = find_url(pool->joining, url); joining != pool->joining.end()) {
    (*joining)->leaving = drain == route::Scheduler::Drain::Yes;
    return;
  }
  const auto at = find_url(pool->endpoints, url);
  if (at == pool->endpoints.end() || !(*at)->scaled) return;
  (*at)->leaving = drain == route::Scheduler::Drain::Yes;
  const Instant now = reactor.now();
  pool->pool->with_scheduler(now, [&](route::RecordedScheduler& scheduler) { scheduler.set_drain((*at)->id, drain, now); });
}

void Control::leave_replica(std::string_view pool_name, const std::string& url) {
  ManagedPool* pool = find_pool(pool_name);
  if (pool == nullptr) return;
  if (const auto at = find_url(pool->joining, url); at != pool->joining.end()) {
    drop_joining(*pool, static_cast<std::size_t>(at - pool->joining.begin()));
  }
  if (const auto at = find_url(pool->endpoints, url); at != pool->endpoints.end() && (*at)->scaled) {
    log::info("endpoint removed", {{"pool", pool_name}, {"endpoint", (*at)->config.name}});
    drop_endpoint(*pool, static_cast<std::size_t>(at - pool->endpoints.begin()));
    publish();
  }
}

void Control::drop_joining(ManagedPool& pool, std::size_t index) {
  pool.joining[index]->removed = true;
  pool.joining.erase(pool.joining.begin() + static_cast<std::ptrdiff_t>(index));
}

}  // namespace evener::gateway
