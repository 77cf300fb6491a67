#include "evener/load/report.h"

#include <doctest/doctest.h>

namespace evener::load {
namespace {

using namespace std::chrono_literals;

Instant at(Duration since_start) { return Instant(1000s) + since_start; }

// Sent on time, first token after `first`, then one token every `each`.
RequestRecord stream(Duration intended, Duration first, Duration each, std::uint32_t tokens, std::string endpoint = "a") {
  RequestRecord record;
  record.intended = record.sent = at(intended);
  record.first_token = record.intended + first;
  record.last_token = record.first_token + each * (tokens - 1);
  record.end = record.last_token;
  record.input_tokens = 100;
  record.output_tokens = tokens;
  record.status = 200;
  record.streamed = true;
  record.endpoint = std::move(endpoint);
  return record;
}

TEST_CASE("latencies count from the moment the schedule wanted, not from the moment of sending") {
  LoadReport report;
  RequestRecord record = stream(0s, 500ms, 10ms, 11);
  record.sent = record.intended + 400ms;
  report.add(record);
  CHECK(report.ttft.max() == 500'000'000);
  CHECK(report.e2e.max() == 600'000'000);
  CHECK(report.tpot.max() == 10'000'000);
  CHECK(report.lateness.max() == 400'000'000);
}

TEST_CASE("throughput counts successes over the time from the first request sent to the last one ended") {
  LoadReport report;
  for (int i = 0; i < 10; ++i) report.add(stream(i * 100ms, 50ms, 50ms, 3));
  RequestRecord broken = stream(0s, 10ms, 0ms, 1);
  broken.failure = Failure::Broken;
  report.add(broken);
  CHECK(report.duration_s() == doctest::Approx(1.05));
  CHECK(report.request_throughput() == doctest::Approx(10 / 1.05));
  CHECK(report.output_token_throughput() == doctest::Approx(30 / 1.05));
  CHECK(report.succeeded == 10);
  CHECK(report.failed == 1);
  CHECK(report.ttft.count() == 10);
}

TEST_CASE("goodput counts only requests within every objective, and an answer that is no stream meets no token objective") {
  LoadReport report({.ttft_max = 200ms, .tpot_max = 20ms, .e2e_max = std::nullopt});
  report.add(stream(0s, 200ms, 20ms, 5));
  report.add(stream(0s, 201ms, 20ms, 5));
  report.add(stream(0s, 100ms, 21ms, 5));
  report.add(stream(0s, 100ms, 0ms, 1));
  RequestRecord whole = stream(0s, 100ms, 1ms, 5);
  whole.streamed = false;
  report.add(whole);
  CHECK(report.good == 2);

  LoadReport by_end({.ttft_max = std::nullopt, .tpot_max = std::nullopt, .e2e_max = 150ms});
  by_end.add(whole);
  by_end.add(stream(0s, 200ms, 20ms, 5));
  CHECK(by_end.good == 1);
}

TEST_CASE("failures are counted by kind and by endpoint, and leave the latencies alone") {
  LoadReport report;
  RequestRecord refused = stream(0s, 1ms, 0ms, 1, "b");
  refused.status = 503;
  refused.failure = Failure::Refused;
  report.add(refused);
  RequestRecord unreachable;
  unreachable.intended = unreachable.sent = at(0s);
  unreachable.end = at(1s);
  unreachable.failure = Failure::Connect;
  report.add(unreachable);
  report.add(stream(0s, 5ms, 1ms, 2));
  CHECK(report.failures[static_cast<std::size_t>(Failure::Refused)] == 1);
  CHECK(report.failures[static_cast<std::size_t>(Failure::Connect)] == 1);
  CHECK(report.statuses.at(503) == 1);
  CHECK(report.endpoints.at("b").failed == 1);
  CHECK(report.endpoints.size() == 2);  // who could not be reached has no name
  CHECK(report.e2e.count() == 1);
}

TEST_CASE("endpoint names beyond the limit are counted together") {
  LoadReport report;
  for (std::size_t i = 0; i < LoadReport::EndpointsMax + 50; ++i) report.add(stream(0s, 1ms, 1ms, 2, "e" + std::to_string(i)));
  CHECK(report.endpoints.size() == LoadReport::EndpointsMax + 1);
  CHECK(report.endpoints.at("(others)").requests == 50);
}

TEST_CASE("two workers' reports merged equal one worker's report of everything") {
  LoadReport first, second, both;
  for (int i = 0; i < 100; ++i) {
    const RequestRecord record = stream(i * 10ms, (i + 1) * 1ms, 2ms, 4, i % 3 == 0 ? "a" : "b");
    (i % 2 == 0 ? first : second).add(record);
    both.add(record);
  }
  first.merge(second);
  first.title = both.title = "t";
  CHECK(report_json(first) == report_json(both));
}

TEST_CASE("the JSON carries the metric names of AIPerf with units and percentiles") {
  LoadReport report({.ttft_max = 1s, .tpot_max = std::nullopt, .e2e_max = std::nullopt});
  report.title = "a \"test\"";
  report.add(stream(0s, 250ms, 10ms, 11));
  report.add_inter_token(10ms);
  const std::string json = report_json(report);
  CHECK(json.starts_with(R"({"schema_version":1,"title":"a \"test\"","benchmark_duration":{"unit":"sec","avg":0.35},)"));
  CHECK(json.find(R"("time_to_first_token":{"unit":"ms","count":1,"avg":250,"min":250,"max":250,)") != std::string::npos);
  CHECK(json.find(R"("inter_token_latency":{"unit":"ms","count":1,"avg":10,)") != std::string::npos);
  CHECK(json.find(R"("goodput":{"unit":"requests/sec","avg":2.857})") != std::string::npos);
  CHECK(json.find(R"("objectives":{"time_to_first_token":1000,"good_request_count":1})") != std::string::npos);
  CHECK(json.find(R"("endpoints":[{"name":"a","requests":1,"failed":0,"share":1,)") != std::string::npos);
}

TEST_CASE("the table shows counts, latencies, errors and endpoint shares, and colours only when asked") {
  LoadReport report;
  for (int i = 0; i < 3; ++i) report.add(stream(0s, 250ms, 10ms, 11, "gpu"));
  RequestRecord failed = stream(0s, 1ms, 1ms, 1, "edge");
  failed.failure = Failure::Server;
  report.add(failed);
  const std::string table = report_table(report);
  CHECK(table.find("3 ok, 1 failed in 0.35 s: 8.57 requests/s") != std::string::npos);
  CHECK(table.find("server 1") != std::string::npos);
  CHECK(table.find("gpu              3   75.0%       0          33") != std::string::npos);
  CHECK(table.find('\x1b') == std::string::npos);
  CHECK(report_table(report, Color::Yes).find("\x1b[31m1 failed") != std::string::npos);
}

TEST_CASE("an empty run makes a report without numbers out of nothing") {
  const LoadReport report;
  CHECK(report_table(report).find("0 ok, 0 failed in 0.00 s: 0.00 requests/s") != std::string::npos);
  CHECK(report_json(report).find(R"("time_to_first_token":{"unit":"ms","count":0})") != std::string::npos);
}

}  // namespace
}  // namespace evener::load
