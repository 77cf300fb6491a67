#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "evener/cli/command.h"
#include "evener/cli/lab_experiment.h"

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

TEST_CASE("the lab runs a made-up load") {
  CHECK(lab({"run", "--workload", "bursts", "--sample", "0.02", "--engines", "fast=2", "--json"}) == Ok);
}

}  // namespace
}  // namespace evener::cli
