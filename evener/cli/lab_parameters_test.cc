#include "evener/cli/lab_parameters.h"

#include <doctest/doctest.h>

#include <set>
#include <string>

namespace evener::cli {
namespace {

Experiment two_engines() {
  auto experiment = read_experiment({.workload = "bursts", .engines = "h100-8b,l4-8b"});
  REQUIRE(experiment);
  return std::move(*experiment);
}

}  // namespace

TEST_CASE("more replicas than endpoints are the same ones again, each with a name and an identity of its own") {
  Experiment experiment = two_engines();
  find_lab_parameter("replicas")->set(experiment, 5);
  std::set<std::string> names;
  std::set<std::uint64_t> identities;
  for (const lab::SimulatedEndpoint& endpoint : experiment.scenario.endpoints) {
    names.insert(endpoint.name);
    identities.insert(endpoint.settings.identity);
  }
  CHECK(names.size() == 5);
  CHECK(identities.size() == 5);
  CHECK(experiment.scenario.endpoints[4].name == "1-h100-8b#3");
  find_lab_parameter("replicas")->set(experiment, 1);
  CHECK(experiment.scenario.endpoints.size() == 1);
}

TEST_CASE("each parameter of a sweep changes the experiment") {
  const auto changed = [](std::string_view name, double value) {
    Experiment experiment = two_engines();
    const LabParameter* parameter = find_lab_parameter(name);
    REQUIRE(parameter != nullptr);
    CHECK(value >= parameter->min);
    CHECK(value <= parameter->max);
    parameter->set(experiment, value);
    return experiment;
  };
  const auto kv = [](const Experiment& experiment) {
    return std::get<lab::EngineConfig>(experiment.scenario.endpoints[0].engine).kv_blocks;
  };
  CHECK(changed("capacity", 7).scenario.endpoints[1].settings.capacity == 7);
  CHECK(changed("queue", 9).scenario.pool.queue.requests_max == 9);
  CHECK(changed("gateways", 3).scenario.gateways == 3);
  CHECK(kv(changed("kv", .5)) == kv(two_engines()) / 2);
  CHECK(changed("network-ms", 20).scenario.endpoints[0].network == std::chrono::milliseconds(20));
  CHECK(changed("block-tokens", 64).scenario.content_block_tokens == 64);
  CHECK(changed("prompt-error", .3).scenario.prompt_error == .3);
  CHECK(changed("report-interval", 5).scenario.reports->period == std::chrono::seconds(5));
  CHECK(changed("sample", .25).sample == .25);
  CHECK(find_lab_parameter("colour") == nullptr);
}

}  // namespace evener::cli
