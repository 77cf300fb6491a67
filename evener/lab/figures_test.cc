#include "evener/lab/figures.h"

#include <doctest/doctest.h>

#include <set>
#include <string>

namespace evener::lab {
namespace {

using namespace std::chrono_literals;

RequestResult done(Duration arrival, Duration first_token, Duration finished) {
  return {.fate = Fate::Done, .arrival = arrival, .dispatched = arrival + 1s, .first_token = first_token, .finished = finished};
}

/// Two requests of tenant 1 that are done, one of tenant 2 that is refused.
struct Example {
  Workload workload;
  SimulationResult result;

  Example() {
    workload.requests = {{.input_tokens = 100, .output_tokens = 11, .tenant = 1},
                         {.at = 10s, .input_tokens = 300, .output_tokens = 11, .tenant = 1},
                         {.at = 20s, .input_tokens = 100, .output_tokens = 11, .tenant = 2}};
    result.requests = {done(0s, 2s, 4s), done(10s, 14s, 16s), {.fate = Fate::Refused, .arrival = 20s, .finished = 20s}};
    result.requests[1].cached_tokens = 200;
    result.endpoints = {{.requests = 2, .busy = 8s}};
  }
};

}  // namespace

TEST_CASE("figures are those of the summary, latencies in milliseconds") {
  const Example example;
  const Figures figures = figures_of(example.workload, example.result, {.first_token = 3s}, {});
  CHECK(figures[Figure::TtftMean] == 3000);
  CHECK(figures[Figure::TtftP99] == 4000);
  CHECK(figures[Figure::TpotMean] == doctest::Approx(200));
  CHECK(figures[Figure::LatencyMean] == 5000);
  CHECK(figures[Figure::QueueMean] == 1000);
  CHECK(figures[Figure::GoodShare] == doctest::Approx(1.0 / 3));
  CHECK(figures[Figure::HitShare] == 0.5);
  CHECK(figures[Figure::RequestRate] == doctest::Approx(0.1));
  CHECK(figures[Figure::ErrorShare] == doctest::Approx(1.0 / 3));
  CHECK(figures.requests() == 3);
}

TEST_CASE("the spread is between the tenants that are named") {
  const Example example;
  const std::array<std::uint64_t, 2> tenants = {1, 2};
  CHECK(figures_of(example.workload, example.result, {}, tenants)[Figure::TenantSpread] == 1);
  CHECK(figures_of(example.workload, example.result, {}, {})[Figure::TenantSpread] == 0);
}

TEST_CASE("a mean is taken figure by figure") {
  Figures one, two;
  one[Figure::TtftMean] = 10;
  two[Figure::TtftMean] = 30;
  two[Figure::Goodput] = 5;
  const std::array runs = {one, two};
  CHECK(mean_of(runs)[Figure::TtftMean] == 20);
  CHECK(mean_of(runs)[Figure::Goodput] == 2.5);
  CHECK(mean_of({})[Figure::Goodput] == 0);
}

TEST_CASE("no two figures have the same name, and those of one metric stand together with one unit") {
  std::set<std::string> names, closed;
  for (std::size_t i = 0; i < FigureCount; ++i) {
    const FigureKind& kind = kind_of(static_cast<Figure>(i));
    CHECK(names.insert(std::string(kind.metric) + " " + std::string(kind.statistic)).second);
    if (i == 0) continue;
    const FigureKind& before = kind_of(static_cast<Figure>(i - 1));
    if (before.metric == kind.metric) {
      CHECK(before.unit == kind.unit);
    } else {
      CHECK(closed.insert(std::string(before.metric)).second);
    }
  }
}

}  // namespace evener::lab
