// The first seconds of a pool, in which nothing or little has been learned of its endpoints.

#include <doctest/doctest.h>

#include <algorithm>
#include <cstdint>
#include <vector>

#include "evener/lab/summary.h"
#include "evener/lab/testing/fleet.h"

namespace evener::lab {
namespace {

using namespace std::chrono_literals;

SimulatedEndpoint engine(double weight, std::uint32_t batch, const LinearStep& step, double slowdown = 1) {
  return {.name = "engine",
          .engine = EngineConfig{.step = step, .batch_sequences_max = batch},
          .settings = {.weight = weight},
          .slowdown = slowdown};
}

/// One strong, three middle and four weak ones, with small batches. They do 33, 16 and 8 requests of short_answers() per second, as their weights say;
/// but one of the middle ones is half as fast as that.
std::vector<SimulatedEndpoint> unequal() {
  std::vector<SimulatedEndpoint> all = {engine(4, 12, {.prefill_tokens_per_s = 30'000, .base_s = 0.012, .per_sequence_s = 0.0006})};
  for (const double slowdown : {1.0, 1.0, 2.0}) {
    all.push_back(engine(2, 8, {.prefill_tokens_per_s = 20'000, .base_s = 0.018, .per_sequence_s = 0.0012}, slowdown));
  }
  for (int i = 0; i < 4; ++i) { all.push_back(engine(1, 5, {.prefill_tokens_per_s = 10'000, .base_s = 0.024, .per_sequence_s = 0.0020})); }
  return all;
}

Workload short_answers(double rate_per_s, double duration_s, std::uint64_t seed) {
  return independent_load({.arrivals = {.stages = {{rate_per_s, duration_s}}},
                           .input = {.shape = LengthLaw::Shape::Uniform, .mean = 144, .spread = 112},
                           .output = {.shape = LengthLaw::Shape::Uniform, .mean = 16, .spread = 8}},
                          seed);
}

/// Means over eight seeds.
struct FirstSeconds {
  double good_share = 0, ttft_p99_s = 0, weak_share = 0;
};

FirstSeconds first_seconds(route::PolicyKind policy, double duration_s) {
  constexpr int Seeds = 8;
  FirstSeconds mean;
  for (std::uint64_t seed = 1; seed <= Seeds; ++seed) {
    Scenario scenario{.endpoints = unequal(), .reports = ReportLine{}, .output_tokens_prior = 16, .seed = seed};
    scenario.pool.policy = policy;
    const Workload workload = short_answers(80, duration_s, seed);  // three quarters of what they can do
    const SimulationResult result = simulate(scenario, workload);
    const Summary summary = summarise(workload, result, {.first_token = 250ms, .token = 75ms});
    const std::vector<double> parts = shares(result);
    mean.good_share += summary.good_share() / Seeds;
    mean.ttft_p99_s += summary.ttft.p99_s / Seeds;
    for (std::size_t weak = 4; weak < parts.size(); ++weak) mean.weak_share += parts[weak] / Seeds;
  }
  return mean;
}

}  // namespace

TEST_CASE("a pool that has not learned much shares its load by weight: the default begins as well as least request") {
  for (const double duration_s : {1.0, 2.5, 10.0}) {
    CAPTURE(duration_s);
    const FirstSeconds balanced = first_seconds(route::PolicyKind::Balanced, duration_s);
    const FirstSeconds by_count = first_seconds(route::PolicyKind::LeastRequest, duration_s);
    CHECK(balanced.good_share > by_count.good_share - 0.01);
    CHECK(balanced.ttft_p99_s < 1.6 * by_count.ttft_p99_s);
    CHECK(balanced.weak_share > 0.6 * by_count.weak_share);
  }
}

}  // namespace evener::lab
