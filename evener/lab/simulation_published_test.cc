// Holds whole runs against figures that an independent simulator gave for the same policies, engines and trace.

#include <doctest/doctest.h>

#include <cmath>
#include <string>

#include "evener/lab/engine_presets.h"
#include "evener/lab/summary.h"
#include "evener/lab/trace.h"
#include "tests/data_folder.h"

namespace evener::lab {
namespace {

struct Figures {
  double ttft_mean_s, ttft_p90_s, tpot_p90_ms;
};

std::vector<SimulatedEndpoint> replicas(const char* preset, std::size_t count) {
  return std::vector<SimulatedEndpoint>(count, {.name = preset, .engine = find_engine_preset(preset)->config, .settings = {}});
}

void check_conversations(route::PolicyKind policy, std::size_t endpoints, const Figures& published) {
  const auto text = read_data_file("mooncake/conversation_trace.jsonl");
  if (!text) return;
  TraceReading reading = read_mooncake_trace(*text, "conversation_trace.jsonl");
  Rng rng(1);
  spread_equal_times(reading.trace, rng);
  const Workload workload = workload_of(reading.trace);
  Scenario scenario{.endpoints = replicas("h100x2-32b-coarse", endpoints), .pool = {.policy = policy}};
  const Summary summary = summarise(workload, simulate(scenario, workload), {});
  MESSAGE(std::string(policy_name(policy)), ", ", endpoints, " endpoints: TTFT mean ", summary.ttft.mean_s, " s, p90 ", summary.ttft.p90_s,
          " s, TPOT p90 ", summary.tpot.p90_s * 1000, " ms, hit share ", summary.hit_share());
  CHECK(summary.done == workload.requests.size());
  // The seeds of arrivals and draws are not the published run's, so tails differ by more than means.
  CHECK(std::abs(summary.ttft.mean_s / published.ttft_mean_s - 1) < 0.15);
  CHECK(std::abs(summary.ttft.p90_s / published.ttft_p90_s - 1) < 0.15);
  CHECK(std::abs(summary.tpot.p90_s * 1000 / published.tpot_p90_ms - 1) < 0.15);
}

TEST_CASE("random on the Mooncake conversations comes within 15 % of published figures") {
  check_conversations(route::PolicyKind::Random, 8, {6.54, 19.8, 105});
  check_conversations(route::PolicyKind::Random, 16, {2.24, 6.18, 41});
}

TEST_CASE("round robin on the Mooncake conversations comes within 15 % of published figures") {
  check_conversations(route::PolicyKind::RoundRobin, 8, {4.55, 15.1, 90});
  check_conversations(route::PolicyKind::RoundRobin, 16, {1.73, 4.18, 29});
}

TEST_CASE("least request on the Mooncake conversations comes within 15 % of published figures") {
  check_conversations(route::PolicyKind::LeastRequest, 8, {1.88, 4.50, 57});
  check_conversations(route::PolicyKind::LeastRequest, 16, {1.29, 2.72, 24});
}

}  // namespace
}  // namespace evener::lab
