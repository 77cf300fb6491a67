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

}  // namespace
}  // namespace evener::gateway
