#include <doctest/doctest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "evener/cli/lab_experiment.h"
#include "evener/cli/testing/lab.h"
#include "evener/gateway/config_schema.h"
#include "evener/gateway/pool.h"

namespace evener::cli {
namespace {

TEST_CASE("the lab refuses what it does not know, before it simulates anything") {
  CHECK(lab({"compare"}) == Usage);
  CHECK(lab({"compare", "--workload", "nothing"}) == Usage);
  CHECK(lab({"compare", "--workload", "chat", "--trace", "x"}) == Usage);
  CHECK(lab({"compare", "--workload", "chat", "--policies", "fastest"}) == Usage);
  CHECK(lab({"compare", "--workload", "chat", "--engines", "abacus=2"}) == Usage);
  CHECK(lab({"compare", "--workload", "chat", "--engines", "fast=2,::"}) == Usage);
  CHECK(lab({"compare", "--workload", "chat", "--classes", ":"}) == Usage);
  CHECK(lab({"plan", "--workload", "chat", "--kinds", ":"}) == Usage);
  CHECK(lab({"compare", "--workload", "chat", "--engines", "h100-8b=0"}) == Usage);
  CHECK(lab({"compare", "--workload", "chat", "--engines", "h100-8b=1:colour=2"}) == Usage);
  CHECK(lab({"compare", "--workload", "chat", "--load", "fast"}) == Usage);
  CHECK(lab({"compare", "--workload", "chat", "--classes", "urgent=1"}) == Usage);
  CHECK(lab({"compare", "--workload", "chat", "--slo-ttft", "soon"}) == Usage);
  CHECK(lab({"compare", "--workload", "chat", "--tenants", "research=much"}) == Usage);
  CHECK(lab({"compare", "--workload", "chat", "--pool", "chat"}) == Usage);
  CHECK(lab({"compare", "--workload", "chat", "--against", "fastest"}) == Usage);
  CHECK(lab({"compare", "--workload", "chat", "--seeds", "0"}) == Usage);
  CHECK(lab({"compare", "--workload", "chat", "--matters", "much"}) == Usage);
  CHECK(lab({"run", "--workload", "chat", "--reports", "100us"}) == Usage);
  CHECK(lab({"run", "--workload", "chat", "--reports", "1s+1000s"}) == Usage);
  CHECK(lab({"run", "--workload", "chat", "--engines", "fast=60000,h100-8b=60000"}) == Usage);
  CHECK(lab({"run", "--workload", "chat", "--engines", "h100-8b=11:kv_blocks=10000000"}) == Usage);
  CHECK(lab({"run", "--workload", "chat", "--engines", "h100-8b:mtbf-s=0.5"}) == Usage);
  CHECK(lab({"sweep", "--workload", "chat", "--engines", "h100-8b:kv_blocks=1000000", "--over", "kv", "--values", "101"}) == Usage);
  CHECK(lab({"sweep", "--workload", "chat", "--engines", "h100-8b", "--over", "replicas", "--values", "1,100000"}) == Usage);
  for (const char* option : {"--sample", "--prompt-error", "--malformed-max"}) {
    CHECK(lab({"run", "--workload", "chat", option, "nan"}) == Usage);
    CHECK(lab({"run", "--workload", "chat", option, "3"}) == Usage);
  }
  CHECK(lab({"sweep", "--workload", "chat", "--engines", "edge=2000", "--over", "gateways", "--values", "501"}) == Usage);
  CHECK(lab({"sweep", "--workload", "chat", "--over", "colour"}) == Usage);
  CHECK(lab({"sweep", "--workload", "chat", "--values", "1,2"}) == Usage);
  CHECK(lab({"sweep", "--workload", "chat", "--over", "replicas"}) == Usage);
  CHECK(lab({"sweep", "--workload", "chat", "--over", "replicas", "--values", "1.5"}) == Usage);
  CHECK(lab({"sweep", "--workload", "chat", "--over", "prompt-error", "--values", "7"}) == Usage);
}

TEST_CASE("a plan refuses kinds and limits that it cannot use") {
  const auto plan = [](const std::string& kinds, std::vector<std::string> more = {}) {
    std::vector<std::string> arguments = {"plan", "--workload", "bursts", "--kinds", kinds};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return lab(arguments);
  };
  CHECK(lab({"plan", "--workload", "bursts"}) == Usage);
  CHECK(plan("h100-8b") == Usage);
  CHECK(plan("h100-8b=4") == Usage);
  CHECK(plan("h100-8b=4:price=0") == Usage);
  CHECK(plan("h100-8b=8..4:price=2") == Usage);
  CHECK(plan("abacus=4:price=2") == Usage);
  CHECK(plan("h100-8b=4:price=2:colour=1") == Usage);
  CHECK(plan("h100-8b=9000:price=2,l4-8b=9000:price=2,edge=2:price=1") == Usage);
  CHECK(plan("h100-8b=9000:price=2") == Usage);
  CHECK(plan("h100-8b=4:price=2,h100-8b=2:price=1:slow=2") == Usage);
  CHECK(plan("h100-8b=4:price=2", {"--latency", "speed"}) == Usage);
  CHECK(plan("h100-8b=4:price=2", {"--time-max", "long"}) == Usage);
}

TEST_CASE("a plan finds a fleet, and says by its exit code when there is none") {
  const std::vector<std::string> load = {"plan", "--workload", "bursts", "--sample", "0.02", "--seeds", "1", "--kinds"};
  const auto plan = [&](const std::string& kinds) {
    std::vector<std::string> arguments = load;
    arguments.push_back(kinds);
    return lab(arguments);
  };
  CHECK(plan("fast=1..3:price=1") == Ok);
  CHECK(plan("edge=1:price=1") == Findings);
}

TEST_CASE("engines of the lab are read with their counts and properties") {
  const auto experiment = read_experiment({.workload = "chat", .engines = "h100-8b=2,l4-8b:slow=4:weight=0.5:capacity=64:network-ms=5"});
  REQUIRE(experiment);
  const auto& endpoints = experiment->scenario.endpoints;
  REQUIRE(endpoints.size() == 3);
  CHECK(endpoints[1].slowdown == 1);
  CHECK(endpoints[2].slowdown == 4);
  CHECK(endpoints[2].settings.weight == 0.5);
  CHECK(endpoints[2].settings.capacity == 64);
  CHECK(endpoints[2].network == std::chrono::milliseconds(5));
  CHECK(endpoints[2].settings.network_s == doctest::Approx(0.005));
  CHECK(endpoints[0].settings.identity != endpoints[1].settings.identity);
}

TEST_CASE("classes of the lab bring their objectives") {
  const auto experiment = read_experiment({.workload = "bursts", .classes = "realtime=1:500ms:50ms,batch=3"});
  REQUIRE(experiment);
  const lab::Workload workload = experiment->workload(1, 1);
  std::size_t realtime = 0;
  for (const lab::WorkloadRequest& request : workload.requests) {
    const bool urgent = request.priority == route::Priority::Realtime;
    realtime += urgent ? 1 : 0;
    CHECK((urgent || request.priority == route::Priority::Batch));
    CHECK(request.first_token_objective == (urgent ? std::chrono::milliseconds(500) : std::chrono::milliseconds(2000)));
    CHECK(request.token_objective == (urgent ? std::chrono::milliseconds(50) : std::chrono::milliseconds(100)));
  }
  CHECK(realtime > workload.requests.size() / 5);
  CHECK(realtime < workload.requests.size() * 3 / 10);
}

gateway::PoolConfig pool_of(std::string_view text) {
  auto config = gateway::read_config("pool.yaml", text);
  REQUIRE(config);
  return config->pools.front();
}

constexpr std::string_view ChatPool = R"(
pools:
  - name: chat
    models: ["*"]
    policy: composed
    composition: {scorers: [{type: prefix-hit, weight: 3}, {type: queue}]}
    prefix_index: {block_bytes: 2048}
    load_reports: {interval: 5s}
    zones: {edge: {latency: 2ms}, cloud: {latency: 40ms}}
    endpoints:
      - {name: near, url: "http://10.0.0.1:8000", zone: edge, capacity: 8}
      - {name: far, url: "http://10.0.0.2:8000", zone: cloud, weight: 4, price: {input_per_million_tokens: 2}}
    classes:
      realtime: {first_token_objective: 700ms, reserve: 0.1}
    tenants: {weights: {research: 2}}
    queue: {requests_max: 50}
    learned_capacity: {enabled: true}
)";

const lab::SimulatedEndpoint& endpoint_of(const lab::Scenario& scenario, std::string_view name) {
  const auto found = std::find_if(scenario.endpoints.begin(), scenario.endpoints.end(), [&](const auto& one) { return one.name == name; });
  REQUIRE(found != scenario.endpoints.end());
  return *found;
}

TEST_CASE("a file of the gateway says of a pool in the lab what it says in the gateway") {
  const gateway::PoolConfig pool = pool_of(ChatPool);
  const auto experiment =
      read_experiment({.workload = "bursts", .engines = "h100-8b", .classes = "realtime=1,batch=1:9s", .tenants = "research,other"}, &pool);
  REQUIRE(experiment);
  const lab::Scenario& scenario = experiment->scenario;
  CHECK(scenario.pool == gateway::pool_settings(pool));
  CHECK(scenario.content_block_tokens == 512);
  CHECK(scenario.reports->period == std::chrono::seconds(5));
  CHECK(experiment->policies == std::vector{route::PolicyKind::Composed});
  REQUIRE(scenario.endpoints.size() == 2);
  CHECK(endpoint_of(scenario, "near").settings.capacity == 8);
  CHECK(endpoint_of(scenario, "near").network == std::chrono::milliseconds(2));
  CHECK(endpoint_of(scenario, "far").settings.weight == 4);
  CHECK(endpoint_of(scenario, "far").settings.input_price == 2);
  CHECK(endpoint_of(scenario, "far").settings.network_s == doctest::Approx(0.04));
  CHECK(endpoint_of(scenario, "near").settings.zone != endpoint_of(scenario, "far").settings.zone);
  CHECK(experiment->tenants.front().hash == scenario.pool.admission.tenants.front().tenant);
  CHECK(experiment->classes->first_token_objectives[0] == std::chrono::milliseconds(700));
  CHECK(experiment->classes->first_token_objectives[2] == std::chrono::seconds(9));
}

TEST_CASE("what options say of a pool comes before what the file says") {
  const gateway::PoolConfig pool = pool_of(ChatPool);
  const auto experiment = read_experiment({.workload = "bursts",
                                           .engines = "h100-8b:capacity=3,l4-8b:network-ms=9",
                                           .policies = "blend,balanced",
                                           .reports = "1s+14s",
                                           .block_tokens = 16,
                                           .queue = 7},
                                          &pool);
  REQUIRE(experiment);
  const lab::Scenario& scenario = experiment->scenario;
  CHECK(endpoint_of(scenario, "near").settings.capacity == 3);
  CHECK(endpoint_of(scenario, "far").network == std::chrono::milliseconds(9));
  CHECK(endpoint_of(scenario, "far").settings.weight == 4);
  CHECK(scenario.pool.queue.requests_max == 7);
  CHECK(scenario.content_block_tokens == 16);
  CHECK(scenario.reports->delay == std::chrono::seconds(14));
  CHECK(experiment->policies == std::vector{route::PolicyKind::Blend, route::PolicyKind::Balanced});
}

/// Everything that a run came to, endpoint by endpoint and request by request.
std::string outcome(const Experiment& experiment) {
  std::string text;
  const lab::Workload workload = experiment.workload(1, 1);
  for (const route::PolicyKind policy : experiment.policies) {
    const lab::SimulationResult result = lab::simulate(experiment.scenario_for(policy, 1), workload);
    for (std::size_t i = 0; i < result.endpoints.size(); ++i) {
      text += experiment.scenario.endpoints[i].name + " " + std::to_string(result.endpoints[i].requests) + "\n";
    }
    for (const lab::RequestResult& request : result.requests) {
      text += std::to_string(request.endpoint) + " " + std::to_string(request.finished.count()) + "\n";
    }
  }
  return text;
}

TEST_CASE("the order in which machines and endpoints are named does not show in a result") {
  const std::string policies = "random,round-robin,least-request,balanced,blend,peak-ewma";
  const auto by_option = [&](const char* engines) {
    return outcome(*read_experiment({.workload = "bursts:for=10s", .engines = engines, .policies = policies}));
  };
  CHECK(by_option("h100-8b=2,l4-8b=1:slow=2,a100-8b") == by_option("a100-8b,l4-8b=1:slow=2,h100-8b=2"));

  std::string swapped(ChatPool);
  const std::size_t near = swapped.find("      - {name: near"), far = swapped.find("      - {name: far"),
                    end = swapped.find("    classes:");
  swapped = swapped.substr(0, near) + swapped.substr(far, end - far) + swapped.substr(near, far - near) + swapped.substr(end);
  const gateway::PoolConfig pool = pool_of(ChatPool), other = pool_of(swapped);
  REQUIRE(other.endpoints.front().name == "far");
  const LabArguments arguments{.workload = "bursts:for=10s", .engines = "h100-8b", .policies = policies};
  CHECK(outcome(*read_experiment(arguments, &pool)) == outcome(*read_experiment(arguments, &other)));
}

TEST_CASE("a pool of two endpoints is not simulated with three machines") {
  const gateway::PoolConfig pool = pool_of(ChatPool);
  CHECK_FALSE(read_experiment({.workload = "bursts", .engines = "h100-8b=3"}, &pool));
  CHECK(read_experiment({.workload = "bursts"}, &pool));
}

TEST_CASE("tenants of the lab come in the shares that were asked for") {
  const auto experiment = read_experiment({.workload = "bursts", .tenants = "large=3,small"});
  REQUIRE(experiment);
  const lab::Workload workload = experiment->workload(1, 1);
  const auto large = std::count_if(workload.requests.begin(), workload.requests.end(),
                                   [&](const lab::WorkloadRequest& request) { return request.tenant == gateway::tenant_hash("large"); });
  CHECK(static_cast<double>(large) / static_cast<double>(workload.requests.size()) == doctest::Approx(0.75).epsilon(0.05));
}

TEST_CASE("the lab runs a made-up load") {
  CHECK(lab({"run", "--workload", "bursts", "--sample", "0.02", "--engines", "fast=2", "--json"}) == Ok);
}

}  // namespace
}  // namespace evener::cli
