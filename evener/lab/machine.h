#pragma once
// Machine: accelerators of one kind (or a CPU) that serve one model, written HARDWARE[xCOUNT]/MODEL[@FORMAT], such as h100x2/qwen3-32b or
// cpu-32c/llama-3-8b@int4. From their datasheets and the model's shape follow the constants of the step model and the size of the KV cache.
// Several accelerators share the model by tensor parallelism.

#include <string>
#include <string_view>

#include "evener/core/result.h"
#include "evener/lab/engine_model.h"
#include "evener/lab/hardware.h"
#include "evener/lab/model_shape.h"

namespace evener::lab {

/// How weights are stored; they are multiplied in 16 bits all the same.
struct WeightFormat {
  std::string_view name;
  double bytes_per_parameter = 2;
};

struct Machine {
  const Hardware* hardware = nullptr;
  std::uint32_t count = 1;
  const ModelShape* model = nullptr;
  WeightFormat format{.name = "bf16"};
};

/// 16 is as many as one machine of today holds, with room.
inline constexpr std::uint32_t AcceleratorsMax = 16;

/// Whether the text means a machine at all: it has a slash.
[[nodiscard]] bool names_machine(std::string_view text);
/// An error names the part and what is known.
[[nodiscard]] Result<Machine> parse_machine(std::string_view text);

/// Nothing but an error when the model does not fit into the memory.
[[nodiscard]] Result<EngineConfig> engine_of(const Machine& machine);

}  // namespace evener::lab
