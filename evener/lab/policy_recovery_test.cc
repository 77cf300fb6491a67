// Endpoints that were slow, or are new: no policy may forget them.

#include <doctest/doctest.h>

#include <string>

#include "evener/lab/testing/fleet.h"

namespace evener::lab {
namespace {

using namespace std::chrono_literals;

Scenario four_engines(route::PolicyKind policy) {
  Scenario scenario{.endpoints = std::vector(4, small_engine())};
  scenario.pool.policy = policy;
  return scenario;
}

}  // namespace

TEST_CASE("an endpoint that recovers takes its next step at full speed") {
  SimulatedEndpoint endpoint = small_engine(10);
  endpoint.recovers_at = 1s;
  Workload workload;
  for (const Duration at : {0s, 10s}) workload.requests.push_back({.at = at, .input_tokens = 1000, .output_tokens = 20});
  const SimulationResult result = simulate({.endpoints = {endpoint}}, workload);
  const auto took = [&](std::size_t i) { return result.requests[i].finished - result.requests[i].arrival; };
  CHECK(took(0) > 1s);
  CHECK(took(0) < 1300ms);
  CHECK(took(1) < 200ms);
}

TEST_CASE("an endpoint gets nothing before it joins") {
  Scenario scenario = four_engines(route::PolicyKind::RoundRobin);
  scenario.endpoints[3].joins_at = 10s;
  const SimulationResult result = simulate(scenario, short_chats(20, 20, 1));
  CHECK(shares(result, 0s, 10s)[3] == 0);
  CHECK(shares(result, 10s)[3] == doctest::Approx(0.25).epsilon(0.1));
}

TEST_CASE("an endpoint that was ten times as slow has its share again 90 s after it recovered") {
  for (const auto policy :
       {route::PolicyKind::Balanced, route::PolicyKind::CheapestWithinSlo, route::PolicyKind::PeakEwma, route::PolicyKind::LeastRequest}) {
    for (const double rate_per_s : {15.0, 50.0}) {
      CAPTURE(std::string(route::policy_name(policy)));
      CAPTURE(rate_per_s);
      Scenario scenario = four_engines(policy);
      scenario.endpoints[0].slowdown = 10;
      scenario.endpoints[0].recovers_at = 60s;
      const SimulationResult result = simulate(scenario, short_chats(rate_per_s, 180, 1));
      CHECK(shares(result, 20s, 60s)[0] < 0.08);
      CHECK(shares(result, 150s, 180s)[0] > 0.15);
    }
  }
}

TEST_CASE("an endpoint that joins has its share within two seconds and is not flooded") {
  for (const auto policy :
       {route::PolicyKind::Balanced, route::PolicyKind::CheapestWithinSlo, route::PolicyKind::PeakEwma, route::PolicyKind::LeastRequest}) {
    for (const double rate_per_s : {15.0, 50.0}) {
      CAPTURE(std::string(route::policy_name(policy)));
      CAPTURE(rate_per_s);
      Scenario scenario = four_engines(policy);
      scenario.endpoints[0].joins_at = 30s;
      const SimulationResult result = simulate(scenario, short_chats(rate_per_s, 60, 1));
      CHECK(shares(result, 30s, 31s)[0] < 0.6);
      CHECK(shares(result, 32s, 60s)[0] == doctest::Approx(0.25).epsilon(0.3));
    }
  }
}

}  // namespace evener::lab
