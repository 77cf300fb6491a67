#include "evener/lab/engine_presets.h"

#include <array>

#include "evener/lab/machine.h"

namespace evener::lab {
namespace {

using namespace std::chrono_literals;

// Llama-3.1-8B in bf16: 6.98e9 parameters in its layers, 0.525e9 in the output layer, 32 layers, 32 heads of 128, 8 KV heads:
// 2*32*8*128*2 bytes = 128 KiB of KV per token.
constexpr RooflineStep Llama8B{.parameters = 6.98e9,
                               .output_layer_parameters = 0.525e9,
                               .layers = 32,
                               .attention_width = 4096,
                               .kv_bytes_per_token = 131'072};

// Llama-3.2-1B with 4-bit weights (4.5 bits with their scales): 0.97e9 + 0.26e9 parameters, 16 layers, 32 heads of 64, 8 KV heads.
constexpr RooflineStep Llama1B4Bit{.parameters = 0.97e9,
                                   .output_layer_parameters = 0.26e9,
                                   .bytes_per_parameter = 0.5625,
                                   .layers = 16,
                                   .attention_width = 2048,
                                   .kv_bytes_per_token = 32'768};

// Qwen3-32B in bf16, one of two accelerators (TP2): 15.6e9 + 0.39e9 parameters, 64 layers, 64 heads of 128 and 8 KV heads halved:
// 2*64*8*128*2/2 bytes = 128 KiB of KV per token and accelerator.
constexpr RooflineStep Qwen32BOfTwo{.parameters = 15.6e9,
                                    .output_layer_parameters = 0.39e9,
                                    .layers = 64,
                                    .attention_width = 4096,
                                    .kv_bytes_per_token = 131'072};

struct Peaks {
  double flops_per_s, bytes_per_s;
};

RooflineStep on(RooflineStep model, Peaks hardware, Efficiencies efficiencies) {
  model.flops_per_s = hardware.flops_per_s;
  model.bytes_per_s = hardware.bytes_per_s;
  model.matmul_efficiency = efficiencies.matmul;
  model.weight_read_efficiency = efficiencies.weight_read;
  model.kv_read_efficiency = efficiencies.kv_read;
  model.attention_efficiency = efficiencies.attention;
  model.layer_overhead_s = efficiencies.layer_overhead_s;
  return model;
}

// What published cluster comparisons of routers ran on: 307,328 KV tokens per replica; the larger one as if its cache reached into host memory.
EngineConfig cluster_replica(std::uint32_t kv_blocks, std::uint32_t kv_block_tokens) {
  return {.step = on(Qwen32BOfTwo, {989e12, 3350e9}, {.62, .90, .80, .40, 90e-6}),
          .batch_sequences_max = 1024,
          .batch_tokens_max = 8192,
          .kv_blocks = kv_blocks,
          .kv_block_tokens = kv_block_tokens};
}

RooflineStep four_bit(RooflineStep model) {
  model.bytes_per_parameter = 0.5625;
  return model;
}

// KV blocks of 16 tokens where no run gives them: (memory * 0.9 - weights - 2 GB for activations) / (16 * KV bytes per token).
const std::array Presets{
    EnginePreset{
        .name = "fast",
        .description = "no real machine: 1 ms per token and a million prompt tokens per second, for tests",
        .config = {.step = LinearStep{.prefill_tokens_per_s = 1e6, .base_s = 0.001, .per_sequence_s = 0, .per_kv_token_s = 0},
                   .batch_sequences_max = 1024, .batch_tokens_max = 65'536, .kv_blocks = 100'000},
        .request_overhead = 0ms},
    EnginePreset{
        .name = "h100-8b",
        .description = "H100 80 GB, Llama-3.1-8B bf16; efficiencies fitted to Vidur's H100 profiles, KV and attention from cluster runs",
        .config = {.step = on(Llama8B, {989e12, 3350e9}, {.62, .95, .80, .40, 60e-6}),
                   .batch_sequences_max = 256, .batch_tokens_max = 8192, .kv_blocks = 28'000},
        .request_overhead = 15ms},
    EnginePreset{
        .name = "rtxpro6000-8b",
        .description = "RTX PRO 6000 96 GB, Llama-3.1-8B bf16; fitted to a real vLLM 0.19 run (2.5 % mean quantile error)",
        .config = {.step = on(Llama8B, {504e12, 1597e9}, {.60, .89, .80, .30, 40e-6}),
                   .batch_sequences_max = 128, .batch_tokens_max = 2048, .kv_blocks = 20'000},
        .request_overhead = 15ms},
    EnginePreset{
        .name = "a100-8b",
        .description = "A100 80 GB, Llama-3.1-8B bf16; efficiencies fitted to Vidur's A100 profiles",
        .config = {.step = on(Llama8B, {312e12, 2039e9}, {.66, .80, .80, .30, 60e-6}),
                   .batch_sequences_max = 256, .batch_tokens_max = 2048, .kv_blocks = 28'000},
        .request_overhead = 15ms},
    EnginePreset{
        .name = "h100x2-32b",
        .description = "two H100 80 GB, Qwen3-32B bf16 TP2, 307 k tokens of KV; constants that reproduce published router comparisons",
        .config = cluster_replica(19'208, 16),
        .request_overhead = 15ms},
    EnginePreset{
        .name = "h100x2-32b-coarse",
        .description = "the same with KV blocks of 512 tokens, for traces that know no smaller ones",
        .config = cluster_replica(600, 512),
        .request_overhead = 0ms},
    EnginePreset{
        .name = "h100x2-32b-coarse-3m",
        .description = "the same with 3 M tokens of KV in blocks of 512, as with a cache in host memory that costs nothing to read",
        .config = cluster_replica(5'859, 512),
        .request_overhead = 0ms},
    EnginePreset{
        .name = "rtx4090-8b",
        .description = "RTX 4090 24 GB, Llama-3.1-8B bf16; fitted to a real vLLM 0.19 run (0.8 % mean quantile error); little KV memory",
        .config = {.step = on(Llama8B, {165e12, 1008e9}, {.90, .91, .85, .30, 27.5e-6}),
                   .batch_sequences_max = 256, .batch_tokens_max = 2048, .kv_blocks = 2'588},
        .request_overhead = 15ms},
    EnginePreset{
        .name = "l4-8b",
        .description = "L4 24 GB, Llama-3.1-8B bf16; datasheet peaks with prior efficiencies (about 25 % uncertain)",
        .config = {.step = on(Llama8B, {121e12, 300e9}, {.66, .80, .80, .30, 60e-6}),
                   .batch_sequences_max = 128, .batch_tokens_max = 2048, .kv_blocks = 2'400},
        .request_overhead = 15ms},
    EnginePreset{
        .name = "cpu-small",
        // 32 cores * 2.5 GHz * 64 AVX-512 FLOP per cycle (two fused multiply-adds of 16) = 5.1 TFLOP/s; 8 channels of DDR5 give about 250 GB/s. Unmeasured
        // rules of thumb: decode = bandwidth / weight bytes (about 60 tokens/s), prefill = 0.3 * FLOP/s / 2P (about 110 tokens/s).
        .description = "server CPU with 32 cores and 8 channels DDR5, Llama-3.1-8B 4-bit; rules of thumb, not measured",
        .config = {.step = on(four_bit(Llama8B), {5.1e12, 250e9}, {.30, .95, .80, .30, 20e-6}),
                   .batch_sequences_max = 8, .batch_tokens_max = 512, .kv_blocks = 8'000},
        .request_overhead = 5ms},
    EnginePreset{
        .name = "edge",
        // 8 cores * 2.5 GHz * 32 AVX2 FLOP per cycle = 0.64 TFLOP/s; two channels of DDR4-3200 give about 40 GB/s.
        .description = "edge box with 8 cores and 2 channels DDR4, Llama-3.2-1B 4-bit; rules of thumb, not measured",
        .config = {.step = on(Llama1B4Bit, {0.64e12, 40e9}, {.30, .95, .80, .30, 20e-6}),
                   .batch_sequences_max = 4, .batch_tokens_max = 512, .kv_blocks = 2'048},
        .request_overhead = 5ms},
};

}  // namespace

std::span<const EnginePreset> engine_presets() { return Presets; }

const EnginePreset* find_engine_preset(std::string_view name) {
  for (const EnginePreset& preset : Presets) {
    if (preset.name == name) return &preset;
  }
  return nullptr;
}

Result<NamedEngine> engine_named(std::string_view name) {
  if (names_machine(name)) {
    const auto machine = parse_machine(name);
    if (!machine) return tl::unexpected(machine.error());
    auto config = engine_of(*machine);
    if (!config) return tl::unexpected(config.error());
    // Tokenising and HTTP in front of a large server, and in front of a small one.
    const Duration overhead = machine->hardware->kind == Hardware::Kind::Cpu ? 5ms : 15ms;
    return NamedEngine{.name = std::string(name), .config = *config, .request_overhead = overhead};
  }
  if (const EnginePreset* preset = find_engine_preset(name)) {
    return NamedEngine{.name = std::string(name), .config = preset->config, .request_overhead = preset->request_overhead};
  }
  std::string known;
  for (const EnginePreset& each : Presets) known += std::string(each.name) + ", ";
  return fail("there is no engine preset \"" + std::string(name) + "\"; known are " + known + "and machines such as h100x2/qwen3-32b", Fault::Client);
}

}  // namespace evener::lab
