#include "evener/lab/run_curves.h"

#include <doctest/doctest.h>

#include <numeric>

#include "tests/for_each_seed.h"

namespace evener::lab {
namespace {

using namespace std::chrono_literals;

RequestResult done(std::uint32_t endpoint, Duration arrival, Duration finished, std::uint32_t cached = 0) {
  return {.fate = Fate::Done,
          .endpoint = endpoint,
          .cached_tokens = cached,
          .arrival = arrival,
          .dispatched = arrival,
          .first_token = arrival + 1s,
          .finished = finished};
}

}  // namespace

TEST_CASE("a timeline shows each request where and for as long as it was") {
  Workload workload;
  workload.requests = {{.input_tokens = 100}, {.input_tokens = 300}};
  SimulationResult result{.requests = {done(0, 0s, 48s), done(1, 24s, 96s, 150)}, .end = 96s};
  result.endpoints.resize(2);
  const Timeline timeline = timeline_of(workload, result);
  CHECK(seconds(timeline.step) == doctest::Approx(1));
  REQUIRE(timeline.in_flight.size() == 2);
  CHECK(timeline.in_flight[0][10] == doctest::Approx(1));
  CHECK(timeline.in_flight[0][60] == doctest::Approx(0));
  CHECK(timeline.in_flight[1][10] == doctest::Approx(0));
  CHECK(timeline.in_flight[1][60] == doctest::Approx(1));
  CHECK(timeline.hit_share[0] == 0);
  CHECK(timeline.hit_share[23] == doctest::Approx(.5));
  CHECK(timeline.hit_share[50] < 0);
}

TEST_CASE("many endpoints share rows, and what was in flight is the mean of a row") {
  for_each_seed(50, [](Rng& rng) {
    const auto endpoints = static_cast<std::uint32_t>(1 + rng.below(200));
    Workload workload;
    SimulationResult result{.requests = {}, .end = 100s};
    result.endpoints.resize(endpoints);
    double at_endpoints_s = 0;
    for (int i = 0; i < 300; ++i) {
      const Duration from = from_seconds(rng.uniform() * 99), length = from_seconds(rng.uniform() * (99 - seconds(from)));
      workload.requests.push_back({});
      result.requests.push_back(done(static_cast<std::uint32_t>(rng.below(endpoints)), from, from + length));
      at_endpoints_s += seconds(length);
    }
    const Timeline timeline = timeline_of(workload, result);
    CHECK(timeline.in_flight.size() <= TimelineRowsMax);
    double sum_s = 0;
    for (std::uint32_t row = 0; row < timeline.in_flight.size(); ++row) {
      const std::uint32_t in_row = std::min(timeline.endpoints_per_row, endpoints - row * timeline.endpoints_per_row);
      CHECK(timeline.in_flight[row].size() == TimelineColumnsMax);
      for (const double load : timeline.in_flight[row]) sum_s += load * in_row * seconds(timeline.step);
    }
    CHECK(sum_s == doctest::Approx(at_endpoints_s));
  });
}

TEST_CASE("a run without requests has an empty timeline") {
  SimulationResult result;
  result.endpoints.resize(1);
  const Timeline timeline = timeline_of({}, result);
  for (const double load : timeline.in_flight[0]) CHECK(load == 0);
}

TEST_CASE("a distribution rises from the least to the greatest value in few points") {
  std::vector<double> values(10'000);
  std::iota(values.begin(), values.end(), 1.0);
  const auto curve = distribution_curve(values);
  CHECK(curve.size() <= 110);
  CHECK(curve.front().value == 1);
  CHECK(curve[50].value == 5000);
  CHECK(curve.back().value == 10'000);
  CHECK(distribution_curve({}).empty());
  CHECK(distribution_curve({7}).front().value == 7);
}

}  // namespace evener::lab
