#pragma once
// Load reports that are JSON: SGLang's /v1/loads, llama.cpp's /slots, TensorRT-LLM's iteration statistics, and /version of vLLM.

#include <string_view>

#include "evener/protocol/engine_load.h"

namespace evener::protocol {

/// A text that begins with '{' or '['. Which of them it is shows in its keys; a reading without samples = none.
[[nodiscard]] LoadReading read_json_load(std::string_view body);

}  // namespace evener::protocol
