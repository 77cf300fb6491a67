#include "evener/cli/demo/summary.h"

#include <doctest/doctest.h>

#include <algorithm>

namespace evener::cli::demo {
namespace {

const TextStyle Wide{.color = false, .unicode = false, .width = 200};

PolicyFigures policy(std::string name, std::uint64_t errors) {
  return {.policy = std::move(name),
          .ttft_p50_s = 0.05,
          .ttft_p99_s = 0.1,
          .tpot_p50_s = 0.025,
          .goodput_per_s = 77.123,
          .requests = 500,
          .errors = errors,
          .engines = {{.name = "strong", .share = 0.35, .capacity = 0.31}}};
}

DemoResult result_of(std::uint64_t live_errors, std::uint64_t compared_errors) {
  DemoResult result;
  result.seed = 15;
  result.first_answer_s = 0.26;
  result.live = {.policy = "least-request", .load_s = 10, .figures = policy("least-request", live_errors), .output_tokens = 8000};
  result.failover = {.engine = "middle-2", .killed = true, .held = 7, .away_s = 3.25};
  result.comparison = Comparison{
      .rate_per_s = 79, .load_s = 6.67, .objectives = {}, .policies = {policy("random", compared_errors)}, .lateness_p99_s = 0.001};
  return result;
}

bool says(const DemoResult& result, std::string_view part) {
  const auto lines = summary_lines(result, share_columns(make_scenario()), Wide);
  return std::ranges::any_of(lines, [&](const std::string& line) { return line.find(part) != std::string::npos; });
}

TEST_CASE("errors of the live run and of every compared policy count") {
  CHECK(errors_of(result_of(0, 0)) == 0);
  CHECK(errors_of(result_of(2, 3)) == 5);
}

TEST_CASE("the summary says what became of the requests of the dead engine") {
  CHECK(says(result_of(0, 0), "died with 7 unanswered requests: all were answered by other engines; back in rotation after 3.25 s"));
  CHECK(says(result_of(2, 0), "died with 7 unanswered requests: 2 requests failed"));
  DemoResult interrupted = result_of(0, 0);
  interrupted.comparison.reset();
  interrupted.failover.away_s.reset();
  CHECK(says(interrupted, "they were sent to other engines"));
  DemoResult alive = result_of(0, 0);
  alive.failover = {.engine = "middle-2"};
  CHECK(says(alive, "'middle-2' was not killed"));
}

TEST_CASE("the time to the first answer says what it includes") {
  DemoResult result = result_of(0, 0);
  CHECK(says(result, "First answer: 0.26 s after the start, through the gateway"));
  result.start.of_script = true;
  CHECK(says(result, "0.26 s after the start (set-up and build included)"));
  result.first_answer_s.reset();
  CHECK_FALSE(says(result, "First answer"));
}

TEST_CASE("a load that was late itself is said so") {
  DemoResult result = result_of(0, 0);
  CHECK_FALSE(says(result, "This machine was busy"));
  result.comparison->lateness_p99_s = 0.035;
  CHECK(says(result, "This machine was busy: the load was up to 35.0 ms late"));
}

TEST_CASE("the JSON result has the same figures, and null for what was not measured") {
  DemoResult result = result_of(1, 0);
  const std::string json = summary_json(result);
  CHECK(json.starts_with(
      R"({"schema":"evener.demo/1","seed":15,"first_answer_s":0.26,"first_answer_counts_from":"program start","live":{"load_s":10,)"));
  CHECK(
      json.find(
          R"("time_to_first_token_p50_ms":50,"time_to_first_token_p99_ms":100,"time_per_output_token_p50_ms":25,"goodput_per_s":77.123)") !=
      std::string::npos);
  CHECK(json.find(R"("failover":{"engine":"middle-2","killed":true,"requests_held":7,"away_s":3.25})") != std::string::npos);
  CHECK(json.ends_with(R"("errors":1})"));
  result.comparison.reset();
  result.failover.away_s.reset();
  const std::string interrupted = summary_json(result);
  CHECK(interrupted.find(R"("away_s":null},"comparison":null,"errors":1})") != std::string::npos);
}

}  // namespace
}  // namespace evener::cli::demo
