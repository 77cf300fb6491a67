#include <doctest/doctest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "evener/cli/command.h"
#include "evener/cli/lab_experiment.h"
#include "evener/gateway/config_schema.h"
#include "evener/gateway/pool.h"

namespace evener::cli {
namespace {

int lab(std::vector<std::string> arguments) {
  std::vector<char*> argv;
  arguments.insert(arguments.begin(), "lab");
  for (std::string& argument : arguments) argv.push_back(argument.data());
  return lab_command(static_cast<int>(argv.size()), argv.data());
}

TEST_CASE("the lab refuses what it does not know, before it simulates anything") {
  CHECK(lab({"compare"}) == Usage);
  CHECK(lab({"compare", "--workload", "nothing"}) == Usage);
  CHECK(lab({"compare", "--workload", "chat", "--trace", "x"}) == Usage);
  CHECK(lab({"compare", "--workload", "chat", "--policies", "fastest"}) == Usage);
  CHECK(lab({"compare", "--workload", "chat", "--engines", "abacus=2"}) == Usage);
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
  CHECK(lab({"sweep", "--workload", "chat", "--over", "colour"}) == Usage);
  CHECK(lab({"sweep", "--workload", "chat", "--values", "1,2"}) == Usage);
  CHECK(lab({"sweep", "--workload", "chat", "--over", "replicas"}) == Usage);
  CHECK(lab({"sweep", "--workload", "chat", "--over", "replicas", "--values", "1.5"}) == Usage);
  CHECK(lab({"sweep", "--workload", "chat", "--over", "prompt-error", "--values", "7"}) == Usage);
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
  CHECK(scenario.endpoints[0].name == "near");
  CHECK(scenario.endpoints[0].settings.capacity == 8);
  CHECK(scenario.endpoints[0].network == std::chrono::milliseconds(2));
  CHECK(scenario.endpoints[1].settings.weight == 4);
  CHECK(scenario.endpoints[1].settings.input_price == 2);
  CHECK(scenario.endpoints[1].settings.network_s == doctest::Approx(0.04));
  CHECK(scenario.endpoints[0].settings.zone != scenario.endpoints[1].settings.zone);
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
  CHECK(scenario.endpoints[0].settings.capacity == 3);
  CHECK(scenario.endpoints[1].network == std::chrono::milliseconds(9));
  CHECK(scenario.endpoints[1].settings.weight == 4);
  CHECK(scenario.pool.queue.requests_max == 7);
  CHECK(scenario.content_block_tokens == 16);
  CHECK(scenario.reports->delay == std::chrono::seconds(14));
  CHECK(experiment->policies == std::vector{route::PolicyKind::Blend, route::PolicyKind::Balanced});
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
