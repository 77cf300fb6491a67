// Prompts that all begin alike: their beginning must not draw them to one endpoint.

#include <doctest/doctest.h>

#include <algorithm>
#include <string>

#include "evener/lab/summary.h"
#include "evener/lab/testing/fleet.h"

namespace evener::lab {
namespace {

/// The first 512 tokens are the same in all prompts, the rest in none.
Workload alike_beginnings(double rate_per_s, double duration_s, std::uint64_t seed) {
  return session_load({.arrivals = {.stages = {{rate_per_s, duration_s}}},
                       .turns_mean = 1,
                       .system_tokens = 512,
                       .first_input = {.shape = LengthLaw::Shape::LogNormal, .mean = 1000, .spread = 0.5, .min = 512, .max = 4000},
                       .next_input = {},
                       .output = {.shape = LengthLaw::Shape::Exponential, .mean = 60, .max = 400}},
                      seed);
}

Scenario eight_engines(route::PolicyKind policy) {
  Scenario scenario{.endpoints = std::vector(8, small_engine()), .reports = ReportLine{}};
  scenario.pool.policy = policy;
  return scenario;
}

}  // namespace

TEST_CASE("when all prompts share their first block no endpoint gets more than twice its share, by any policy that follows prefixes") {
  for (const auto policy : {route::PolicyKind::Balanced, route::PolicyKind::StickyUntilSaturated, route::PolicyKind::Blend,
                            route::PolicyKind::DynamoCost, route::PolicyKind::SmgCacheAware}) {
    for (const double rate_per_s : {15.0, 60.0}) {
      CAPTURE(std::string(route::policy_name(policy)));
      CAPTURE(rate_per_s);
      const std::vector<double> each = shares(simulate(eight_engines(policy), alike_beginnings(rate_per_s, 2000 / rate_per_s, 1)));
      CHECK(*std::max_element(each.begin(), each.end()) <= 2.0 / 8);
    }
  }
}

TEST_CASE("in a pool that is nearly idle prompts stay where their beginning is, and nobody waits for that") {
  const Workload workload = alike_beginnings(1, 1000, 1);
  const SimulationResult together = simulate(eight_engines(route::PolicyKind::Balanced), workload);
  const SimulationResult apart = simulate(eight_engines(route::PolicyKind::SmgCacheAware), workload);
  CHECK(summarise(workload, together, {}).ttft.mean_s < 1.02 * summarise(workload, apart, {}).ttft.mean_s);
}

}  // namespace evener::lab
