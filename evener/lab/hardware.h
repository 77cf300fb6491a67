#pragma once
// Hardware: what the datasheets of accelerators and CPUs promise, and the share of it that inference engines reach. With the shape of a model
// (model_shape.h) that makes an engine (machine.h). Clocks, power limits and prices are left out.

#include <cstdint>
#include <span>
#include <string_view>

#include "evener/lab/step_time.h"

namespace evener::lab {

/// Shares of the datasheet's peaks, and what no datasheet names; terms as in RooflineStep.
struct Efficiencies {
  double matmul = 0.66, weight_read = 0.80, kv_read = 0.80, attention = 0.30;
  double layer_overhead_s = 60e-6;
};

struct Hardware {
  enum class Kind : std::uint8_t { Accelerator, Cpu };

  std::string_view name;
  std::string_view source;  // where the peaks and the efficiencies come from, for a person
  Kind kind = Kind::Accelerator;
  double flops_per_s = 0;  // 16-bit multiply-adds with 32-bit sums, without sparsity; of a CPU in its vector units
  double bytes_per_s = 0;  // memory
  double memory_bytes = 0;
  double link_bytes_per_s = 0;  // to the other accelerators of the machine, one way; 0 = it takes no part in tensor parallelism
  double link_latency_s = 0;    // of one small all-reduce
  Efficiencies efficiencies;
  /// What engines choose on it unless they are told otherwise.
  std::uint32_t batch_sequences_max = 256, batch_tokens_max = 2048;
};

/// All that are known, the fastest memory first; CPUs last.
[[nodiscard]] std::span<const Hardware> known_hardware();
/// Null when there is none with this name.
[[nodiscard]] const Hardware* find_hardware(std::string_view name);

}  // namespace evener::lab
