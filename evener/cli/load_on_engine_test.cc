// Generator and emulated engines against each other: what the one asks for the other serves, and what the one does wrong the other counts.

#include <doctest/doctest.h>

#include "evener/engine/fleet.h"
#include "evener/load/generator.h"

namespace evener::cli {
namespace {

using namespace std::chrono_literals;

std::unique_ptr<engine::Fleet> start(const std::string& spec) {
  engine::EngineOptions base;
  base.models = {"m"};
  auto options = engine::parse_engine_spec(spec, base);
  REQUIRE(options);
  auto fleet = engine::Fleet::start({*options});
  REQUIRE(fleet);
  return std::move(*fleet);
}

load::LoadOptions options_for(const engine::Fleet& fleet, std::uint64_t requests) {
  load::LoadOptions options;
  options.url = "http://" + fleet.address(0);
  options.model = "m";
  options.workload.arrival = load::OpenLoop{.rate_per_s = 500};
  options.workload.input_tokens = {.min = 100, .max = 200};
  options.workload.output_tokens = {.min = 5, .max = 15};
  options.workload.requests_max = requests;
  options.request_timeout = 10s;
  return options;
}

load::LoadReport run(const load::LoadOptions& options) {
  auto report = load::run_load(options);
  REQUIRE(report);
  return std::move(*report);
}

std::uint64_t count(const load::LoadReport& report, load::Failure failure) { return report.failures[static_cast<std::size_t>(failure)]; }

TEST_CASE("every API and both ways of answering give the asked tokens, and engine and generator count the same") {
  for (const load::Api api : {load::Api::Chat, load::Api::Completions}) {
    for (const load::Streaming streaming : {load::Streaming::Yes, load::Streaming::No}) {
      const auto fleet = start("fast,name=box");
      load::LoadOptions options = options_for(*fleet, 100);
      options.api = api;
      options.streaming = streaming;
      const load::LoadReport report = run(options);
      CHECK(report.succeeded == 100);
      const auto totals = fleet->snapshot(0).state.totals;
      CHECK(report.output_tokens == totals.generation_tokens);
      CHECK(report.input_tokens == totals.prompt_tokens);
      CHECK(report.endpoints.at("box").requests == 100);
      CHECK(report.output_sequence.min() >= 5);
      CHECK(report.output_sequence.max() <= 15);
      CHECK(report.ttft.count() == (streaming == load::Streaming::Yes ? 100 : 0));
      CHECK(report.itl.count() == (streaming == load::Streaming::Yes ? report.output_tokens - 100 : 0));
    }
  }
}

TEST_CASE("prompts with a common beginning hit the engine's prefix cache, prompts without one do not") {
  const auto fleet = start("fast");
  load::LoadOptions options = options_for(*fleet, 60);
  options.workload.input_tokens = {.min = 400, .max = 400};
  CHECK(run(options).cached_tokens == 0);
  options.workload.prefix_groups = 2;
  options.workload.prefix_tokens = 320;
  options.workload.arrival = load::ClosedLoop{.connections = 1};  // one after the other: all but the first of each group find it
  // The role before the text shifts the blocks of 16 tokens, so that the last shared one holds other text, too.
  CHECK(run(options).cached_tokens == 58 * 320);
}

TEST_CASE("no answer is faster than the engine's steps allow") {
  const auto fleet = start("fast,step_ms=4");
  load::LoadOptions options = options_for(*fleet, 10);
  options.workload.arrival = load::ClosedLoop{.connections = 2};
  options.workload.output_tokens = {.min = 20, .max = 20};
  CHECK(run(options).e2e.min() >= 80'000'000);
}

TEST_CASE("each fault of the engine is a failure of its own kind for the generator, and as many as the engine was told") {
  const auto failures_with = [](const std::string& fault, load::Failure expected) {
    const auto fleet = start("fast," + fault);
    const load::LoadReport report = run(options_for(*fleet, 200));
    CAPTURE(fault);
    CHECK(report.succeeded + count(report, expected) == 200);
    CHECK(count(report, expected) > 30);
    CHECK(count(report, expected) < 95);
  };
  failures_with("error=0.3", load::Failure::Server);
  failures_with("overloaded=0.3", load::Failure::Refused);
  failures_with("reset=0.3,reset_after_tokens=2", load::Failure::Broken);
  failures_with("garbage=0.3", load::Failure::Malformed);
}

TEST_CASE("an engine that takes requests and never answers costs time-outs") {
  const auto fleet = start("fast,half_open=1");
  load::LoadOptions options = options_for(*fleet, 3);
  options.request_timeout = 200ms;
  CHECK(count(run(options), load::Failure::TimedOut) == 3);
}

TEST_CASE("a trace is replayed with its lengths, and its shared blocks are found in the cache") {
  std::string text;
  for (int i = 0; i < 20; ++i) {
    text += "{\"timestamp\":" + std::to_string(i * 1000) + ",\"input_length\":1536,\"output_length\":" + std::to_string(i) + ",\"hash_ids\":[0,1," +
            std::to_string(100 + i) + "]}\n";
  }
  const auto fleet = start("fast");
  load::LoadOptions options = options_for(*fleet, 0);
  options.workload.arrival =
      load::Replay{.trace = std::make_shared<const lab::Trace>(lab::read_mooncake_trace(text, "t").trace), .time_scale = 100};
  const load::LoadReport report = run(options);
  CHECK(report.succeeded == 20);
  CHECK(report.input_tokens == 20 * 1536);
  CHECK(report.output_tokens == 190 + 1);  // the API has no answer of 0 tokens
  CHECK(report.cached_tokens >= 10 * 1024);
  CHECK(report.duration_s() >= 0.18);
}

}  // namespace
}  // namespace evener::cli
