#include "evener/lab/simulation.h"

#include <doctest/doctest.h>

#include <cstring>
#include <string>

#include "evener/core/rng.h"
#include "evener/lab/engine_presets.h"
#include "evener/lab/summary.h"
#include "evener/lab/workloads.h"
#include "tests/for_each_seed.h"

namespace evener::lab {
namespace {

using namespace std::chrono_literals;

/// A second per request, or what the token costs say.
SimulatedEndpoint server(double base_s = 1, std::uint32_t workers = 1) {
  return {.name = "server", .engine = ServiceConfig{.workers = workers, .base_s = base_s}, .settings = {}};
}

/// An engine so small that long prompts wait, queue for memory and pre-empt each other.
SimulatedEndpoint small_engine(std::uint32_t kv_blocks = 400) {
  return {.name = "engine",
          .engine =
              EngineConfig{
                  .step = LinearStep{.prefill_tokens_per_s = 20'000, .base_s = 0.005, .per_sequence_s = 0.0002, .per_kv_token_s = 1e-8},
                  .batch_sequences_max = 24,
                  .batch_tokens_max = 1024,
                  .kv_blocks = kv_blocks},
          .settings = {}};
}

Workload at_times(std::vector<Duration> times) {
  Workload workload;
  for (const Duration at : times) workload.requests.push_back({.at = at});
  return workload;
}

Workload chats(std::uint64_t seed, double rate_per_s = 4) {
  return session_load({.arrivals = {.stages = {{rate_per_s, 30}}},
                       .turns_mean = 3,
                       .system_tokens = 100,
                       .first_input = {.shape = LengthLaw::Shape::LogNormal, .mean = 400, .spread = 1, .max = 2000},
                       .next_input = {.shape = LengthLaw::Shape::LogNormal, .mean = 100, .spread = 1, .max = 300},
                       .output = {.shape = LengthLaw::Shape::Exponential, .mean = 60, .max = 200},
                       .think_s = 1},
                      seed);
}

std::string bytes_of(const SimulationResult& result) {
  std::string bytes;
  const auto add = [&](const auto& value) { bytes.append(reinterpret_cast<const char*>(&value), sizeof value); };
  for (const RequestResult& request : result.requests) {
    add(request.fate);
    add(request.endpoint);
    add(request.cached_tokens);
    for (const Duration at : {request.arrival, request.dispatched, request.first_token, request.finished}) add(at);
  }
  for (const EndpointResult& endpoint : result.endpoints) {
    add(endpoint.requests);
    add(endpoint.busy);
    add(endpoint.totals.steps);
    add(endpoint.totals.preemptions);
    add(endpoint.totals.generation_tokens);
  }
  return bytes;
}

TEST_CASE("requests of a lone server are served one after the other") {
  const Workload workload = at_times({0s, 100ms, 5s});
  const SimulationResult result = simulate({.endpoints = {server()}}, workload);
  CHECK(result.requests[0].finished == 1s);
  CHECK(result.requests[1].finished == 2s);
  CHECK(result.requests[2].finished == 6s);
  CHECK(result.endpoints[0].busy == 3s);
  CHECK(result.end == 6s);
}

TEST_CASE("network and overhead add to every request once") {
  SimulatedEndpoint endpoint = server();
  endpoint.network = 100ms;
  endpoint.request_overhead = 15ms;
  const SimulationResult result = simulate({.endpoints = {endpoint}}, at_times({0s}));
  CHECK(result.requests[0].dispatched == 0s);
  CHECK(result.requests[0].finished == 1115ms);
}

TEST_CASE("an endpoint that is four times slower than its model takes four times as long") {
  SimulatedEndpoint endpoint = server();
  endpoint.slowdown = 4;
  CHECK(simulate({.endpoints = {endpoint}}, at_times({0s})).requests[0].finished == 4s);
}

TEST_CASE("a later turn comes its think time after the one before, and not at all when that one fails") {
  Workload workload = at_times({0s});
  workload.requests.push_back({.at = 10s, .previous_turn = 0});
  workload.requests.push_back({.at = 1s, .previous_turn = 1});
  const SimulationResult result = simulate({.endpoints = {server()}}, workload);
  CHECK(result.requests[1].arrival == 11s);
  CHECK(result.requests[2].arrival == 13s);

  SimulatedEndpoint full = server();
  std::get<ServiceConfig>(full.engine).queue_max = 0;
  const SimulationResult failed = simulate({.endpoints = {full}}, workload);
  CHECK(failed.requests[0].fate == Fate::Rejected);
  CHECK(failed.requests[1].fate == Fate::NotSent);
  CHECK(failed.requests[2].fate == Fate::NotSent);
}

TEST_CASE("a stage begins when the one before is done") {
  Workload workload = at_times({0s, 0s, 500ms});
  workload.requests[2].stage = 1;
  const SimulationResult result = simulate({.endpoints = {server()}}, workload);
  CHECK(result.requests[1].finished == 2s);
  CHECK(result.requests[2].arrival == 2500ms);
}

TEST_CASE("requests beyond capacity wait in the queue of the pool and are refused beyond its limit or time") {
  SimulatedEndpoint endpoint = server(10);
  endpoint.settings.capacity = 1;
  Scenario scenario{.endpoints = {endpoint}};
  scenario.pool.queue = {.requests_max = 2, .wait_max = 15s};
  const SimulationResult result = simulate(scenario, at_times({0s, 1s, 2s, 3s}));
  CHECK(result.requests[1].dispatched == 10s);
  CHECK(result.requests[3].fate == Fate::Refused);
  CHECK(result.requests[3].refusal == route::RefusalReason::QueueFull);
  CHECK(result.requests[3].finished == 3s);
  CHECK(result.requests[2].fate == Fate::Refused);
  CHECK(result.requests[2].refusal == route::RefusalReason::QueueTimeout);
  CHECK(result.requests[2].finished >= 17s);
  CHECK(result.requests[2].finished < 17s + 200ms);
}

TEST_CASE("a background request that is taken back for a realtime one is sent again and ends once") {
  SimulatedEndpoint endpoint = small_engine();
  endpoint.settings.capacity = 1;
  Workload workload = at_times({0s, 10ms});
  workload.requests[0].input_tokens = 6000;  // 0.3 s of prefill
  workload.requests[0].priority = route::Priority::Background;
  workload.requests[1].priority = route::Priority::Realtime;
  Scenario scenario{.endpoints = {endpoint}};
  scenario.pool.admission.preempt = true;
  const SimulationResult result = simulate(scenario, workload);
  CHECK(result.requests[0].fate == Fate::Done);
  CHECK(result.requests[0].preemptions == 1);
  CHECK(result.requests[0].arrival == 0s);
  CHECK(result.requests[1].dispatched == 10ms);
  CHECK(result.requests[1].finished < result.requests[0].first_token);
  CHECK(result.endpoints[0].totals.cancelled == 1);
  CHECK(result.endpoints[0].totals.finished == 2);

  scenario.pool.admission.preempt = false;
  CHECK(simulate(scenario, workload).requests[1].dispatched > 300ms);
}

TEST_CASE("a run that never ends is ended some time after the last arrival") {
  const SimulationResult result = simulate({.endpoints = {server(1e6)}, .reports = ReportLine{}, .drain_max = 60s}, at_times({0s, 10s}));
  CHECK(result.requests[0].fate == Fate::Unfinished);
  CHECK(result.requests[1].fate == Fate::Unfinished);
}

TEST_CASE("whatever comes, each request has one end, time only goes forwards, and engines give back what they took") {
  for_each_seed(30, [](Rng& rng) {
    Scenario scenario{.endpoints = {small_engine(), small_engine(), small_engine(800)}};
    scenario.endpoints[1].slowdown = 2.5;
    scenario.endpoints[1].network = 20ms;
    scenario.endpoints[2].settings.capacity = 8;
    scenario.pool.policy = static_cast<route::PolicyKind>(rng.below(6));
    scenario.pool.queue = {.requests_max = 20, .wait_max = 2s};
    scenario.reports = ReportLine{.period = 50ms, .delay = 120ms};
    scenario.prompt_error = 0.2;
    const Workload workload = chats(rng.next(), 12);
    const SimulationResult result = simulate(scenario, workload);

    std::uint64_t dispatched = 0, output_tokens = 0;
    for (std::size_t i = 0; i < workload.requests.size(); ++i) {
      const RequestResult& request = result.requests[i];
      const std::uint32_t previous = workload.requests[i].previous_turn;
      CHECK(request.fate != Fate::Unfinished);
      if (request.fate == Fate::NotSent) {
        CHECK(result.requests[previous].fate != Fate::Done);
        continue;
      }
      if (previous != WorkloadRequest::NoTurn) CHECK(request.arrival == result.requests[previous].finished + workload.requests[i].at);
      if (request.fate == Fate::Done || request.fate == Fate::Rejected) ++dispatched;
      if (request.fate != Fate::Done) continue;
      CHECK(request.arrival <= request.dispatched);
      CHECK(request.dispatched < request.first_token);
      CHECK(request.first_token <= request.finished);
      CHECK(request.cached_tokens < workload.requests[i].input_tokens);
      output_tokens += workload.requests[i].output_tokens;
    }
    std::uint64_t sent = 0, generated = 0;
    for (const EndpointResult& endpoint : result.endpoints) {
      sent += endpoint.requests;
      generated += endpoint.totals.generation_tokens;
      CHECK(endpoint.totals.finished + endpoint.totals.refused == endpoint.totals.submitted);
      CHECK(endpoint.busy <= result.end);
    }
    CHECK(sent == dispatched);
    CHECK(generated == output_tokens);
  });
}

TEST_CASE("taking quiet decode steps at once changes no result") {
  for_each_seed(20, [](Rng& rng) {
    Scenario scenario{.endpoints = {small_engine(), small_engine(300)}, .reports = ReportLine{.period = 70ms}};
    scenario.endpoints[0].slowdown = 3;
    scenario.endpoints[0].recovers_at = 10s + Duration(rng.below(1'000'000'000));
    scenario.pool.policy = route::PolicyKind::LeastRequest;
    const Workload workload = chats(rng.next(), 1 + static_cast<double>(rng.below(12)));
    const std::string at_once = bytes_of(simulate(scenario, workload));
    scenario.steps_at_once = 1;
    CHECK(at_once == bytes_of(simulate(scenario, workload)));
  });
}

TEST_CASE("equal seeds give equal runs, other seeds other ones") {
  Scenario scenario{.endpoints = {small_engine(), small_engine(), small_engine()}};
  scenario.pool.policy = route::PolicyKind::Random;
  const Workload workload = chats(3);
  CHECK(bytes_of(simulate(scenario, workload)) == bytes_of(simulate(scenario, workload)));
  const std::string one = bytes_of(simulate(scenario, workload));
  scenario.seed = 2;
  CHECK(one != bytes_of(simulate(scenario, workload)));
}

TEST_CASE("under all policies a request meets the same luck, wherever it goes") {
  const ServiceConfig service{.base_s = 1, .spread = ServiceConfig::Spread::Exponential};
  std::vector<Duration> times;
  for (int i = 0; i < 200; ++i) times.push_back(i * 30s);  // so far apart that hardly one waits
  const Workload workload = at_times(times);
  const auto run = [&](route::PolicyKind policy) {
    return simulate(
        {.endpoints = std::vector<SimulatedEndpoint>(5, {.name = "server", .engine = service, .settings = {}}), .pool = {.policy = policy}},
        workload);
  };
  const SimulationResult one = run(route::PolicyKind::Random), other = run(route::PolicyKind::RoundRobin);
  std::size_t elsewhere = 0;
  for (std::size_t i = 0; i < times.size(); ++i) {
    CHECK(one.requests[i].finished == other.requests[i].finished);
    elsewhere += one.requests[i].endpoint != other.requests[i].endpoint ? 1 : 0;
  }
  CHECK(elsewhere > 100);
  CHECK(one.requests[0].finished - one.requests[0].arrival != one.requests[1].finished - one.requests[1].arrival);
}

TEST_CASE("the true length of an answer has no say in where its request goes") {
  Scenario scenario{.endpoints = {small_engine(100'000), small_engine(100'000), small_engine(100'000)}};
  scenario.pool.policy = route::PolicyKind::LeastRequest;
  // Only the last request's answer differs, so nothing may differ before it ends.
  Workload workload = chats(3);
  std::erase_if(workload.requests, [](const WorkloadRequest& request) { return request.previous_turn != WorkloadRequest::NoTurn; });
  const SimulationResult shorter = simulate(scenario, workload);
  workload.requests.back().output_tokens *= 10;
  const SimulationResult longer = simulate(scenario, workload);
  CHECK(shorter.requests.back().finished < longer.requests.back().finished);
  for (std::size_t i = 0; i < workload.requests.size(); ++i) CHECK(shorter.requests[i].endpoint == longer.requests[i].endpoint);
}

TEST_CASE("the summary counts goodput by both objectives") {
  Workload workload = at_times({0s, 0s, 0s});
  SimulationResult result{.requests = std::vector<RequestResult>(3, {.fate = Fate::Done, .first_token = 1s, .finished = 2s}),
                          .endpoints = {{}}};
  for (WorkloadRequest& request : workload.requests) request.output_tokens = 11;
  result.requests[1].first_token = 1500ms;  // late to begin
  result.requests[2].finished = 2500ms;     // slow
  const Summary summary = summarise(workload, result, {.first_token = 1s, .token = 100ms});
  CHECK(summary.good == 1);
  CHECK(summary.tpot.max_s == doctest::Approx(0.15));
  CHECK(summary.ttft.p50_s == 1.0);
  CHECK(summary.ttft.p90_s == 1.5);
  CHECK(summarise(workload, result, {}).good == 3);
}

}  // namespace
}  // namespace evener::lab
