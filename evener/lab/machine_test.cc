#include "evener/lab/machine.h"

#include <doctest/doctest.h>

#include <cmath>
#include <string>

namespace evener::lab {
namespace {

EngineConfig engine(std::string_view text) {
  const auto machine = parse_machine(text);
  REQUIRE(machine);
  const auto config = engine_of(*machine);
  REQUIRE(config);
  return *config;
}

RooflineStep step(std::string_view text) { return std::get<RooflineStep>(engine(text).step); }

/// Prompt tokens per second of whole chunks of 8,192 tokens in the middle of prompts of that length.
double prefill_rate(std::string_view text) {
  const StepWork chunk{.prefill_tokens = 8192, .emitting = 1, .prefill_attention = 8192.0 * 4096};
  return 8192 / step_seconds(step(text), chunk);
}

std::string message(std::string_view text) {
  const auto machine = parse_machine(text);
  if (!machine) return machine.error().message;
  const auto config = engine_of(*machine);
  return config ? "" : config.error().message;
}

TEST_CASE("a machine has the parameters that its model is known for, shared among its accelerators") {
  const RooflineStep alone = step("rtx4090/llama-3-8b");
  CHECK(alone.parameters == doctest::Approx(6.98e9).epsilon(0.001));
  CHECK(alone.output_layer_parameters == doctest::Approx(0.525e9).epsilon(0.001));
  CHECK(alone.kv_bytes_per_token == 131'072);
  CHECK(alone.transfer_s_per_token == 0);

  const RooflineStep half = step("h100x2/qwen3-32b");
  CHECK(half.parameters == doctest::Approx(15.6e9).epsilon(0.001));
  CHECK(half.output_layer_parameters == doctest::Approx(0.389e9).epsilon(0.001));
  CHECK(half.attention_width == 4096);
  CHECK(half.kv_bytes_per_token == 131'072);
  CHECK(half.transfer_s_per_token > 0);
}

TEST_CASE("known models have as many parameters as their names say") {
  const auto billions = [](std::string_view name) { return find_model(name)->parameters() / 1e9; };
  CHECK(billions("llama-3-8b") == doctest::Approx(8.03).epsilon(0.01));
  CHECK(billions("llama-3-70b") == doctest::Approx(70.6).epsilon(0.01));
  CHECK(billions("llama-3-405b") == doctest::Approx(405).epsilon(0.01));
  CHECK(billions("mixtral-8x7b") == doctest::Approx(46.7).epsilon(0.01));
  CHECK(billions("qwen3-30b-a3b") == doctest::Approx(30.5).epsilon(0.01));
  CHECK(billions("gpt-oss-120b") == doctest::Approx(117).epsilon(0.02));
}

TEST_CASE("more accelerators than KV heads hold the same heads, so the cache grows no more") {
  CHECK(step("h100x8/llama-3-70b").kv_bytes_per_token == step("h100x16/llama-3-70b").kv_bytes_per_token);
  CHECK(step("h100x4/llama-3-70b").kv_bytes_per_token == 81'920);
}

TEST_CASE("what the weights leave of the memory holds the KV cache") {
  CHECK(engine("rtx4090/llama-3-8b").kv_blocks == doctest::Approx(2'588).epsilon(0.06));  // what vLLM 0.19 found on the machine
  CHECK(engine("h100/llama-3-8b@int4").kv_blocks > engine("h100/llama-3-8b").kv_blocks);
}

TEST_CASE("prefill is as fast as measured on whole engines, give or take a tenth") {
  const double rate = prefill_rate("h100x2/qwen3-32b");
  MESSAGE("prompt tokens per second: ", rate);
  CHECK(rate > 0.9 * 15'900);  // llm-d measured 15.9 to 20.5 thousand with vLLM
  CHECK(rate < 1.1 * 20'500);
}

TEST_CASE("a CPU decodes nearly as fast as its memory gives it the weights") {
  for (const char* name : {"cpu-8c/llama-3-8b@int4", "cpu-32c/llama-3-8b@int4"}) {
    const RooflineStep machine = step(name);
    const double token_s = step_seconds(machine, {.decode_tokens = 1, .emitting = 1, .context_tokens = 100});
    const double weights_s = (machine.parameters + machine.output_layer_parameters) * machine.bytes_per_parameter / machine.bytes_per_s;
    CHECK(token_s > weights_s);
    CHECK(token_s < 1.4 * weights_s);
  }
}

TEST_CASE("a few tokens touch few experts, many touch all, and only the active ones compute") {
  const RooflineStep sparse{.parameters = 0,
                            .expert_parameters = 64e9,
                            .experts = 64,
                            .experts_active = 8,
                            .layers = 0,
                            .flops_per_s = 1e15,
                            .bytes_per_s = 1e12,
                            .matmul_efficiency = 1,
                            .weight_read_efficiency = 1,
                            .layer_overhead_s = 0};
  const auto time_of = [&](std::uint64_t tokens) { return step_seconds(sparse, {.decode_tokens = tokens}); };
  CHECK(time_of(1) == doctest::Approx(8e9 * 2 / 1e12).epsilon(0.001));     // an eighth of the bytes
  CHECK(time_of(1000) == doctest::Approx(64e9 * 2 / 1e12).epsilon(0.01));  // all of them
  CHECK(time_of(1'000'000) == doctest::Approx(2 * 8e9 * 1e6 / 1e15).epsilon(0.001));
}

TEST_CASE("a wrong machine is refused with what is known, and one that is too small with its sizes") {
  CHECK(message("h101/llama-3-8b").starts_with("h101/llama-3-8b: there is no hardware \"h101\"; known are b200, h200"));
  CHECK(message("h100/llama").starts_with("h100/llama: there is no model \"llama\"; known are llama-3.2-1b"));
  CHECK(message("h100/llama-3-8b@fp4") == "h100/llama-3-8b@fp4: there is no format \"fp4\"; known are bf16, fp8, int8, int4");
  CHECK(message("h100x17/llama-3-8b") == "h100x17/llama-3-8b: h100 can share a model among 1 to 16, not 17");
  CHECK(message("cpu-8cx2/llama-3-8b") == "cpu-8cx2/llama-3-8b: cpu-8c can share a model among 1 to 1, not 2");
  CHECK(message("rtx4090/llama-3-70b") ==
        "llama-3-70b in bf16 takes 141 GB of each rtx4090, which has 26; take more of them, or a smaller format");
}

TEST_CASE("a name that ends like a count is a name") {
  CHECK(parse_machine("rtx4090/llama-3-8b")->count == 1);
  CHECK(parse_machine("rtx4090x2/llama-3-8b")->count == 2);
  CHECK(message("rtx4090x/llama-3-8b").starts_with("rtx4090x/llama-3-8b: there is no hardware \"rtx4090x\""));
}

}  // namespace
}  // namespace evener::lab
