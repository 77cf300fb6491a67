// Holds the engine model against real vLLM runs: the same 300 requests, simulated and measured.

#include <doctest/doctest.h>

#include <string>

#include "evener/lab/engine_presets.h"
#include "evener/lab/testing/vllm_run.h"

namespace evener::lab {
namespace {

void check_replay(const char* file, const char* preset, double error_max) {
  const auto measured = read_vllm_run(file);
  if (!measured) return;
  const QuantileErrors errors = quantile_errors(replay_on_model(find_engine_preset(preset)->config, {}, *measured), *measured);
  MESSAGE(std::string(preset), ": mean quantile error ", errors.mean() * 100, " %");
  CHECK(errors.mean() < error_max);
}

TEST_CASE("the RTX 4090 preset replays a KV-starved vLLM run with at most 2 % mean quantile error") {
  check_replay("vllm_measured_RTX4090_Llama-3.1-8B.csv", "rtx4090-8b", 0.02);
}

TEST_CASE("the RTX PRO 6000 preset replays a vLLM run without KV pressure with at most 5 % mean quantile error") {
  check_replay("vllm_measured_RTXPRO6000_Llama-3.1-8B.csv", "rtxpro6000-8b", 0.05);
}

}  // namespace
}  // namespace evener::lab
