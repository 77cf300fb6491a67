#include "evener/cli/lab_pool.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <string_view>

namespace evener::cli {
namespace {

using namespace std::chrono_literals;

std::vector<lab::SimulatedEndpoint> engines(const char* text) {
  auto experiment = read_experiment({.workload = "chat", .engines = text});
  REQUIRE(experiment);
  return experiment->scenario.endpoints;
}

/// The first of this kind, wherever it stands.
const lab::SimulatedEndpoint& one_of(const std::vector<lab::SimulatedEndpoint>& endpoints, std::string_view kind) {
  const auto found = std::find_if(endpoints.begin(), endpoints.end(), [&](const auto& one) { return one.name.ends_with(kind); });
  REQUIRE(found != endpoints.end());
  return *found;
}

std::string message(const char* text) {
  const auto experiment = read_experiment({.workload = "chat", .engines = text});
  return experiment ? "" : experiment.error().message;
}

TEST_CASE("servers of every kind are named with their settings") {
  const auto endpoints =
      engines("triton=2:batch=4:base_ms=3:item_ms=0.5,shared:cores=8:slots=32,api:rpm=60:ttft_p99_ms=900:output-price=10,onnx");
  REQUIRE(endpoints.size() == 5);
  const auto& triton = std::get<lab::ServiceConfig>(one_of(endpoints, "triton").engine);
  CHECK(triton.batch_max == 4);
  CHECK(triton.base_s == doctest::Approx(0.003));
  CHECK(triton.item_s == doctest::Approx(0.0005));
  CHECK(std::get<lab::SharingConfig>(one_of(endpoints, "shared").engine).slots == 32);
  CHECK(std::get<lab::ExternalConfig>(one_of(endpoints, "api").engine).requests_per_minute == 60);
  CHECK(one_of(endpoints, "api").settings.external.enabled);
  CHECK(one_of(endpoints, "api").settings.output_price == 10);
  CHECK(std::get<lab::ServiceConfig>(one_of(endpoints, "onnx").engine).batch_max == 1);
}

TEST_CASE("failures, start, slowness and network are properties of any endpoint") {
  const auto endpoints =
      engines("edge:mtbf-s=600:mttr-s=30:startup-s=40:slow=3:slow-from-s=10:slow-until-s=20:network-ms=4:jitter-ms=1:overhead_ms=2");
  const lab::SimulatedEndpoint& edge = endpoints.front();
  CHECK(edge.failures.mean_between == 600s);
  CHECK(edge.failures.mean_repair == 30s);
  CHECK(edge.joins_at == 40s);
  CHECK(edge.slowdown == 3);
  CHECK(edge.slows_at == 10s);
  CHECK(edge.recovers_at == 20s);
  CHECK(edge.network == 4ms);
  CHECK(edge.jitter == 1ms);
  CHECK(edge.request_overhead == 2ms);
}

TEST_CASE("a setting that a server does not have is refused with those that it has") {
  CHECK(message("api:batch=4").starts_with("--engines: there is no setting \"batch\" of api; known are rpm, tpm, ttft_p50_ms"));
  CHECK(message("triton:batch=0") == "--engines: batch is \"0\"; it must be a whole number 1..100000; and weight, capacity, network-ms");
  CHECK(message("tensorflow").ends_with("tf-serving, triton, onnx, shared, api"));
}

}  // namespace
}  // namespace evener::cli
