#pragma once
// One active health check of one endpoint.

#include <string>

#include "evener/gateway/config.h"
#include "evener/net/http_client.h"

namespace evener::gateway {

struct ManagedEndpoint;

struct CheckFinding {
  bool passed = false;
  std::string text;   // "200", "connection refused", ... for the operator
};

/// Asks the endpoint's health path over a kept connection, once. Takes at most check.timeout.
[[nodiscard]] net::Task<CheckFinding> check_health(net::Reactor& reactor, net::HttpClient& client, const ManagedEndpoint& endpoint,
                                                   const HealthCheckConfig& check);

/// "Bearer VALUE" of the environment variable; empty when the name is empty or the variable is not set.
[[nodiscard]] std::string bearer_from_environment(const std::string& variable);

}  // namespace evener::gateway
