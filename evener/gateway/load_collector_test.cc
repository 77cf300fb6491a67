#include "evener/gateway/load_collector.h"

#include <doctest/doctest.h>

using namespace evener;
using namespace evener::gateway;
using namespace std::chrono_literals;

TEST_CASE("an endpoint that answers is read at its interval") {
  LoadPace pace;
  CHECK(pace.pause(1s) == 1s);
  pace.read();
  CHECK(pace.pause(200ms) == 200ms);
}

TEST_CASE("one that fails is asked at once more at its interval, then less often, and never less than the longest pause says") {
  LoadPace pace;
  pace.failed();
  CHECK(pace.pause(1s) == 1s);
  pace.failed();
  CHECK(pace.pause(1s) == 2s);
  for (int i = 0; i < 50; ++i) pace.failed();
  CHECK(pace.pause(1s) == LoadRetryMax);
  CHECK(pace.pause(1min) == 1min);
  pace.read();
  CHECK(pace.pause(1s) == 1s);
  CHECK(pace.failures() == 0);
}

TEST_CASE("one without a report is left alone longer and longer") {
  LoadPace pace;
  pace.found_none();
  CHECK(pace.pause(1s) == LoadAbsentFirst);
  pace.found_none();
  CHECK(pace.pause(1s) == 2 * LoadAbsentFirst);
  for (int i = 0; i < 50; ++i) pace.found_none();
  CHECK(pace.pause(1s) == LoadAbsentMax);
  CHECK(pace.pause(1h) == 1h);
  pace.forget();
  CHECK(pace.pause(1s) == 1s);
}

TEST_CASE("what an endpoint did not say is unknown in its report") {
  protocol::LoadFigures figures;
  figures.set(protocol::Figure::Waiting, 0);
  figures.set(protocol::Figure::KvUsed, 0.5);
  const Instant now{5s};
  const route::LoadReport report = to_load_report(figures, now);
  CHECK(report == route::LoadReport{.at = now, .waiting = 0.0, .kv_used = 0.5});
}

TEST_CASE("a report in a header of an answer is found by the header's name") {
  const Instant now{5s};
  const auto report = load_report_in_header("Endpoint-Load-Metrics", "TEXT named_metrics.num_requests_waiting=3", now);
  REQUIRE(report);
  CHECK(*report == route::LoadReport{.at = now, .waiting = 3.0});
  CHECK_FALSE(load_report_in_header("content-type", "TEXT named_metrics.num_requests_waiting=3", now));
  CHECK_FALSE(load_report_in_header("endpoint-load-metrics", "TEXT nonsense", now));
}

TEST_CASE("the operator's metrics become sources of figures") {
  const LoadReportConfig config{
      .figures = {{"kv_used", {.metric = "cache", .labels = {{"gpu", "0"}}, .scale = 0.01, .combine = protocol::Combine::Max}},
                  {"running", {.metric = "busy"}}}};
  const auto sources = figure_sources(config);
  REQUIRE(sources.size() == 2);
  CHECK(sources[0].figure == protocol::Figure::KvUsed);
  CHECK(sources[0].metric == "cache");
  CHECK(sources[0].labels == std::vector<std::pair<std::string, std::string>>{{"gpu", "0"}});
  CHECK(sources[0].scale == 0.01);
  CHECK(sources[0].combine == protocol::Combine::Max);
  CHECK(sources[1].figure == protocol::Figure::Running);
}
