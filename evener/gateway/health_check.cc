#include "evener/gateway/health_check.h"

#include <cstdlib>

#include "evener/gateway/control.h"
#include "evener/gateway/endpoint_url.h"
#include "evener/protocol/engine_health.h"

namespace evener::gateway {
namespace {

constexpr std::size_t CheckBodyBytesMax = 256 * 1024;

}  // namespace

net::Task<CheckFinding> check_health(net::Reactor& reactor, net::HttpClient& client, const ManagedEndpoint& endpoint,
                                     const HealthCheckConfig& check) {
  if (endpoint.addresses.empty()) co_return CheckFinding{.passed = false, .text = "its name does not resolve"};
  const Instant deadline = reactor.now() + check.timeout;
  const std::string model = endpoint.config.models.empty() ? std::string() : endpoint.config.models.begin()->second;
  const protocol::HealthProbe probe = protocol::health_probe(endpoint.config.engine, check.path, model);
  const std::string path = endpoint.path_prefix + probe.path;
  const auto url = parse_endpoint_url(endpoint.config.url);
  const std::string host = url ? url->host_header : std::string("localhost");

  net::HttpRequest request{.method = "GET", .path = path, .query = {}, .headers = {{"User-Agent", "evener-health-check"}}, .body = {}};
  if (const std::string bearer = bearer_from_environment(endpoint.config.api_key_env); !bearer.empty()) {
    request.headers.emplace_back("Authorization", bearer);
  }
  if (const std::size_t question = request.path.find('?'); question != std::string::npos) {
    request.query = request.path.substr(question + 1);
    request.path.resize(question);
  }

  // A kept connection may have been closed by the server between two checks: that says nothing, so ask again over a new one.
  for (int connections = client.connected() ? 2 : 1; connections > 0; --connections) {
    if (!client.connected()) {
      const auto connected = co_await client.connect(endpoint.addresses[endpoint.address_in_use], deadline);
      if (!connected) co_return CheckFinding{.passed = false, .text = connected.error().message};
    }
    const auto response = co_await client.fetch(request, host, CheckBodyBytesMax, deadline);
    if (!response) {
      if (connections > 1) continue;
      co_return CheckFinding{.passed = false, .text = response.error().message};
    }
    const auto answer = protocol::read_health(probe.rule, response->status, response->body);
    co_return CheckFinding{.passed = answer == protocol::HealthAnswer::Healthy, .text = "GET " + path + " answered " + std::to_string(response->status)};
  }
  co_return CheckFinding{.passed = false, .text = "no answer"};
}

std::string bearer_from_environment(const std::string& variable) {
  if (variable.empty()) return {};
  const char* value = std::getenv(variable.c_str());
  return value == nullptr || *value == 0 ? std::string() : std::string("Bearer ") + value;
}

}  // namespace evener::gateway
