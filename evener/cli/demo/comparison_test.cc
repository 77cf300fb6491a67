#include "evener/cli/demo/comparison.h"

#include <doctest/doctest.h>

#include <algorithm>

namespace evener::cli::demo {
namespace {

using namespace std::chrono_literals;

load::RequestRecord answer(const std::string& engine, Duration ttft) {
  load::RequestRecord record;
  record.intended = record.sent = Instant(100s);
  record.first_token = record.intended + ttft;
  record.last_token = record.first_token + 90ms;
  record.end = record.last_token;
  record.output_tokens = 10;
  record.status = 200;
  record.streamed = true;
  record.endpoint = engine;
  return record;
}

TEST_CASE("figures are those of the report, with each engine's share beside what it can do") {
  const Scenario scenario = make_scenario();
  load::LoadReport report(load_options(scenario, "", 1s, 1).objectives);
  for (int i = 0; i < 6; ++i) report.add(answer("strong", 20ms));
  for (int i = 0; i < 3; ++i) report.add(answer("weak-1", 200ms));
  report.add(answer("slow", 900ms));
  const PolicyFigures figures = figures_of("random", report, scenario, 2s);
  CHECK(figures.requests == 10);
  CHECK(figures.errors == 0);
  CHECK(figures.ttft_p50_s.value_or(0) == doctest::Approx(0.020).epsilon(0.01));
  CHECK(figures.ttft_p99_s.value_or(0) == doctest::Approx(0.900).epsilon(0.01));
  CHECK(figures.tpot_p50_s.value_or(0) == doctest::Approx(0.010).epsilon(0.01));
  CHECK(figures.goodput_per_s == doctest::Approx(4.5));  // the slow one came too late
  CHECK(figures.engines[scenario.strong].share == doctest::Approx(0.6));
  CHECK(figures.engines[scenario.slow].share == doctest::Approx(0.1));
  double capacity = 0;
  for (const EngineShare& engine : figures.engines) capacity += engine.capacity;
  CHECK(capacity == doctest::Approx(1));
}

TEST_CASE("requests that failed and requests that could not be sent are errors") {
  const Scenario scenario = make_scenario();
  load::LoadReport report;
  load::RequestRecord broken = answer("strong", 20ms);
  broken.failure = load::Failure::Broken;
  report.add(broken);
  report.not_sent = 2;
  const PolicyFigures figures = figures_of("random", report, scenario, 1s);
  CHECK(figures.errors == 3);
  CHECK_FALSE(figures.ttft_p50_s);
}

TEST_CASE("a report without requests has no shares") {
  const PolicyFigures figures = figures_of("random", load::LoadReport(), make_scenario(), 1s);
  CHECK(std::ranges::all_of(figures.engines, [](const EngineShare& engine) { return engine.share == 0; }));
  CHECK(figures.goodput_per_s == 0);
}

}  // namespace
}  // namespace evener::cli::demo
