#pragma once
// How long one step of an inference engine takes, from what the step has to compute. Two models: the roofline of a GPU or CPU with five
// fitted efficiencies, and a straight line for those who only know a few rates. Leaves out that transfers between accelerators may
// overlap with computing, and that some experts are asked for more often than others.

#include <cstdint>
#include <variant>

namespace evener::lab {

/// The work of one step, summed over its batch.
struct StepWork {
  std::uint64_t prefill_tokens = 0;   // prompt tokens computed in this step (chunks)
  std::uint64_t decode_tokens = 0;    // one for each sequence that continues
  std::uint64_t emitting = 0;         // sequences that emit a token at the end of the step
  std::uint64_t context_tokens = 0;   // KV tokens read, whole batch, prefill chunks included
  double prefill_attention = 0;       // sum of m * (c + m/2) over the prefill chunks: m tokens behind c of context
};

/// T = sqrt((2P/(BW*b))^2 + (2Pn/(F*m))^2) + max(2P_lm/(BW*b), 2P_lm*s/(F*m)) + C*kvB/(BW*b_kv) + A/(F*a) + o_L*L + o_0 + o_s*s,
/// A = 4*H*L*sum m(c+m/2). With the efficiencies fitted per GPU it replays real vLLM runs with 1 to 3 % mean quantile error
/// (engine_replay_test.cc holds it to that); a hard max() instead of the root of squares is worse between 128 and 512 tokens.
/// Where there are E experts, k of them active, n tokens touch E*(1 - (1 - k/E)^n) of them and compute with k. Accelerators that share a model
/// take t per new token for their all-reduces, and their latency in o_L.
struct RooflineStep {
  double parameters = 0;               // P, per accelerator, without embeddings and output layer
  double expert_parameters = 0;        // of all experts in all layers, per accelerator; not in P
  double experts = 0, experts_active = 0;
  double output_layer_parameters = 0;  // P_lm
  double bytes_per_parameter = 2;      // 2 for bf16; below 1 for 4-bit formats with their scales
  double layers = 0;                   // L
  double attention_width = 0;          // H: heads times head dimension, per accelerator
  double kv_bytes_per_token = 0;       // kvB, per accelerator
  double flops_per_s = 0;              // F, datasheet peak
  double bytes_per_s = 0;              // BW, datasheet peak
  double matmul_efficiency = 0.66;     // m
  double weight_read_efficiency = 0.80;  // b
  double kv_read_efficiency = 0.80;    // b_kv
  double attention_efficiency = 0.30;  // a
  double layer_overhead_s = 60e-6;     // o_L
  double step_overhead_s = 0;          // o_0
  double sequence_overhead_s = 0;      // o_s
  double transfer_s_per_token = 0;     // t

  bool operator==(const RooflineStep&) const = default;
};

/// T = base + prefill/rate + per_sequence*emitting + per_kv_token*context: what people quote of an engine they have not profiled.
struct LinearStep {
  double prefill_tokens_per_s = 8000;
  double base_s = 0.010;
  double per_sequence_s = 0.0001;
  double per_kv_token_s = 0;

  bool operator==(const LinearStep&) const = default;
};

using StepModel = std::variant<LinearStep, RooflineStep>;

/// Seconds; never negative, and positive as soon as there is work.
[[nodiscard]] double step_seconds(const StepModel& model, const StepWork& work);

}  // namespace evener::lab
