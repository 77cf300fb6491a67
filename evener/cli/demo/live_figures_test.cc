#include "evener/cli/demo/live_figures.h"

#include <doctest/doctest.h>

namespace evener::cli::demo {
namespace {

using namespace std::chrono_literals;

constexpr Instant Start{100s};

load::RequestRecord answer(const char* engine, Duration end, Duration ttft, std::uint32_t tokens = 10) {
  load::RequestRecord record;
  record.end = Start + end;
  record.intended = record.end - 500ms;
  record.first_token = record.intended + ttft;
  record.output_tokens = tokens;
  record.endpoint = engine;
  return record;
}

TEST_CASE("rates, shares and first tokens are those of each engine within the last seconds") {
  RecentRequests recent({"a", "b"}, Start);
  recent.add(answer("a", 1s, 10ms));
  recent.add(answer("a", 8s, 20ms));
  recent.add(answer("a", 9s, 30ms));
  recent.add(answer("a", 9500ms, 40ms));
  recent.add(answer("b", 9900ms, 90ms));
  const LiveFigures figures = recent.at(Start + 10s);
  CHECK(figures.requests_per_s == doctest::Approx(4.0 / 3));
  CHECK(figures.tokens_per_s == doctest::Approx(40.0 / 3));
  CHECK(figures.engines[0].requests_per_s == doctest::Approx(1.0));
  CHECK(figures.engines[0].share == doctest::Approx(0.75));
  CHECK(figures.engines[0].ttft_p50_s.value_or(0) == doctest::Approx(0.030));
  CHECK(figures.engines[1].share == doctest::Approx(0.25));
  CHECK(figures.ttft_p50_s.value_or(0) == doctest::Approx(0.030));
  CHECK(figures.ttft_p99_s.value_or(0) == doctest::Approx(0.090));
  CHECK(figures.answered == 5);
}

TEST_CASE("in the first seconds a rate is over the time that has passed") {
  RecentRequests recent({"a"}, Start);
  for (int i = 0; i < 10; ++i) recent.add(answer("a", 500ms, 10ms));
  CHECK(recent.at(Start + 1s).requests_per_s == doctest::Approx(10));
}

TEST_CASE("failed requests are counted and are in no rate, and an engine without answers has no first token") {
  RecentRequests recent({"a", "b"}, Start);
  load::RequestRecord broken = answer("b", 1s, 10ms);
  broken.failure = load::Failure::Broken;
  recent.add(broken);
  recent.add(answer("a", 1s, 10ms));
  const LiveFigures figures = recent.at(Start + 2s);
  CHECK(figures.failed == 1);
  CHECK(figures.answered == 1);
  CHECK(figures.requests_per_s == doctest::Approx(0.5));
  CHECK(figures.engines[1].share == 0);
  CHECK_FALSE(figures.engines[1].ttft_p50_s);
}

TEST_CASE("an answer of an engine that is not in the list counts for all together only") {
  RecentRequests recent({"a"}, Start);
  recent.add(answer("stranger", 1s, 10ms));
  const LiveFigures figures = recent.at(Start + 2s);
  CHECK(figures.requests_per_s == doctest::Approx(0.5));
  CHECK(figures.engines[0].requests_per_s == 0);
}

TEST_CASE("before the first answer nothing is known") {
  RecentRequests recent({"a"}, Start);
  const LiveFigures figures = recent.at(Start);
  CHECK(figures.requests_per_s == 0);
  CHECK_FALSE(figures.ttft_p50_s);
  CHECK(figures.engines.size() == 1);
}

TEST_CASE("of more answers than are kept the oldest are forgotten, and all stay counted") {
  RecentRequests recent({"a", "b"}, Start);
  recent.add(answer("b", 1s, 10ms));
  for (std::size_t i = 0; i < RecentRequests::KeptMax; ++i) recent.add(answer("a", 1s, 10ms));
  const LiveFigures figures = recent.at(Start + 1s);
  CHECK(figures.engines[1].share == 0);
  CHECK(figures.engines[0].share == 1);
  CHECK(figures.answered == RecentRequests::KeptMax + 1);
}

}  // namespace
}  // namespace evener::cli::demo
