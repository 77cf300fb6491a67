// Calibration against what the model itself did, and against real vLLM runs of 300 requests.

#include "evener/lab/calibration.h"

#include <doctest/doctest.h>

#include <cmath>

#include "evener/core/rng.h"
#include "evener/lab/engine_settings.h"
#include "evener/lab/testing/vllm_run.h"

namespace evener::lab {
namespace {

Calibrated machine(std::string_view name, std::uint32_t batch, std::uint32_t kv_blocks) {
  const auto engine = engine_named(name);
  REQUIRE(engine);
  Calibrated calibrated{.engine = engine->config, .overhead = engine->request_overhead};
  calibrated.engine.batch_sequences_max = batch;
  calibrated.engine.batch_tokens_max = 2048;
  if (kv_blocks > 0) calibrated.engine.kv_blocks = kv_blocks;
  return calibrated;
}

/// Requests of many lengths at some 3 per second.
std::vector<ServedRequest> some_requests(std::size_t count) {
  Rng rng(7);
  std::vector<ServedRequest> requests;
  Duration at{};
  for (std::size_t i = 0; i < count; ++i) {
    requests.push_back({.arrival = at,
                        .input_tokens = static_cast<std::uint32_t>(1 + rng.below(3000)),
                        .output_tokens = static_cast<std::uint32_t>(1 + rng.below(200))});
    at += from_seconds(rng.exponential(0.3));
  }
  return requests;
}

TEST_CASE("calibration finds a machine again that is slower than its datasheet says") {
  const Calibrated start = machine("a100/llama-3-8b", 64, 0);
  Calibrated truth = start;
  auto& step = std::get<RooflineStep>(truth.engine.step);
  step.matmul_efficiency = .45;
  step.weight_read_efficiency = .65;
  truth.overhead = std::chrono::milliseconds(40);
  const auto log = replay_on_model(truth.engine, truth.overhead, some_requests(80));
  const Calibration found = calibrate(start, log, {.evaluations_max = 150});
  MESSAGE("as given ", found.start.mean() * 100, " %, held out ", found.held_out.mean() * 100, " %");
  CHECK(found.start.mean() > 0.2);
  CHECK(found.held_out.mean() < 0.03);
}

TEST_CASE("prompt tokens that a log calls cached are not computed") {
  const Calibrated engine = machine("a100/llama-3-8b", 64, 0);
  std::vector<ServedRequest> requests = {{.input_tokens = 8000, .output_tokens = 2}};
  const Duration without = replay_on_model(engine.engine, {}, requests).front().first_token;
  requests.front().cached_tokens = 8000;
  CHECK(replay_on_model(engine.engine, {}, requests).front().first_token < without / 20);
}

TEST_CASE("what an engine cannot have served as it is configured is left out of a log and counted") {
  Calibrated engine = machine("a100/llama-3-8b", 64, 100);
  const std::uint32_t limit = 100 * engine.engine.kv_block_tokens;
  const std::vector<ServedRequest> requests = {{.input_tokens = limit - 1, .output_tokens = 1},
                                               {.input_tokens = limit, .output_tokens = 1},
                                               {.input_tokens = 0, .output_tokens = 1},
                                               {.input_tokens = 7, .output_tokens = 1}};
  const Servable log = servable(engine.engine, requests);
  REQUIRE(log.requests.size() == 2);
  CHECK(log.requests[1].input_tokens == 7);
  CHECK(log.too_long == 1);
  CHECK(log.empty == 1);
  CHECK(log.longest_tokens == limit + 1);
}

TEST_CASE("a short queue of the model refuses nothing that the engine took when it was logged") {
  Calibrated engine = machine("a100/llama-3-8b", 1, 0);
  engine.engine.queue_max = 1;
  std::vector<ServedRequest> requests(5, {.input_tokens = 100, .output_tokens = 10});
  for (const ServedRequest& request : replay_on_model(engine.engine, {}, requests)) CHECK(request.total > Duration::zero());
}

void check_run(const char* file, std::string_view name, std::uint32_t batch, std::uint32_t kv_blocks) {
  const auto log = read_vllm_run(file);
  if (!log) return;
  const Calibration found = calibrate(machine(name, batch, kv_blocks), *log, {.evaluations_max = 160});
  MESSAGE(std::string(name), ": as given ", found.start.mean() * 100, " %, fitted ", found.fitted.mean() * 100, " %, held out ",
          found.held_out.mean() * 100, " %");
  CHECK(found.start.mean() < 0.15);
  CHECK(found.held_out.mean() < 0.03);
}

TEST_CASE("a starved RTX 4090 is predicted within 15 % from its datasheet and within 3 % when half of its run is known") {
  check_run("vllm_measured_RTX4090_Llama-3.1-8B.csv", "rtx4090/llama-3-8b", 256, 2'588);
}

TEST_CASE("an RTX PRO 6000 is predicted within 15 % from its datasheet and within 3 % when half of its run is known") {
  check_run("vllm_measured_RTXPRO6000_Llama-3.1-8B.csv", "rtxpro6000/llama-3-8b", 128, 0);
}

TEST_CASE("two RTX PRO 6000 are predicted within 15 % from their datasheet and within 3 % when half of their run is known") {
  check_run("vllm_measured_RTXPRO6000_Qwen3-32B.csv", "rtxpro6000x2/qwen3-32b", 128, 0);
}

}  // namespace
}  // namespace evener::lab
