#include "evener/gateway/control.h"

#include <doctest/doctest.h>

#include <string>

namespace evener::gateway {
namespace {

EndpointConfig endpoint(std::size_t number) {
  EndpointConfig config;
  config.name = "e" + std::to_string(number);
  config.url = "http://127.0.0.1:9";  // nobody asks it: the control thread is not started
  return config;
}

TEST_CASE("an operator may add endpoints up to the limit of a configuration and not beyond, and may again when one is gone") {
  telemetry::Registry registry(1);
  GatewayMetrics metrics(registry, 10);
  Shared shared;
  shared.metrics = &metrics;
  Control control(shared, 1);
  Config config;
  PoolConfig pool{.name = "p"};
  for (std::size_t i = 1; i < EndpointsMax; ++i) pool.endpoints.push_back(endpoint(i));
  config.pools.push_back(std::move(pool));
  control.apply(config);
  CHECK(control.add_endpoint("p", endpoint(EndpointsMax)) == Control::Change::Done);
  CHECK(control.add_endpoint("p", endpoint(EndpointsMax + 1)) == Control::Change::TooManyEndpoints);
  CHECK(control.pools().front().endpoints.size() == EndpointsMax);
  CHECK(control.remove_endpoint("p", "e7") == Control::Change::Done);
  CHECK(control.add_endpoint("p", endpoint(EndpointsMax + 1)) == Control::Change::Done);
}

std::string health_of(const Control& control, std::size_t endpoint) {
  const ManagedPool& pool = control.pools().front();
  return pool.pool->with_scheduler(Instant{}, [&](route::RecordedScheduler& scheduler) {
    return scheduler.status(Instant{})[endpoint].health == route::Health::Healthy ? "healthy" : "down";
  });
}

TEST_CASE("a pool comes up at once, and an endpoint that joins it waits for its first good check") {
  telemetry::Registry registry(1);
  GatewayMetrics metrics(registry, 10);
  Shared shared;
  shared.metrics = &metrics;
  Control control(shared, 1);
  Config config;
  config.pools.push_back({.name = "p", .endpoints = {endpoint(1), endpoint(2)}});
  control.apply(config);
  CHECK(health_of(control, 0) == "healthy");
  CHECK(health_of(control, 1) == "healthy");
  CHECK(control.add_endpoint("p", endpoint(3)) == Control::Change::Done);
  CHECK(health_of(control, 2) == "down");
  config.pools.front().endpoints = {endpoint(1), endpoint(3), endpoint(4)};
  control.apply(config);
  CHECK(health_of(control, 0) == "healthy");
  CHECK(health_of(control, 1) == "down");
  CHECK(health_of(control, 2) == "down");

  config.pools.front().health_check.enabled = false;  // nobody would ever say that it is good
  control.apply(config);
  CHECK(control.add_endpoint("p", endpoint(5)) == Control::Change::Done);
  for (std::size_t i = 0; i < 4; ++i) CHECK(health_of(control, i) == "healthy");
}

TEST_CASE("when a reload replaces all endpoints of a pool the new ones are used at once") {
  telemetry::Registry registry(1);
  GatewayMetrics metrics(registry, 10);
  Shared shared;
  shared.metrics = &metrics;
  Control control(shared, 1);
  Config config;
  config.pools.push_back({.name = "p", .endpoints = {endpoint(1)}});
  control.apply(config);
  config.pools.front().endpoints = {endpoint(2), endpoint(3)};
  control.apply(config);
  CHECK(health_of(control, 0) == "healthy");
  CHECK(health_of(control, 1) == "healthy");
}

}  // namespace
}  // namespace evener::gateway
