#pragma once
// Named engines of unequal strength, from measured or published constants, so that a scenario or a demo can say "h100-8b" instead of
// fourteen numbers.

#include <span>
#include <string>
#include <string_view>

#include "evener/core/result.h"
#include "evener/lab/engine_model.h"

namespace evener::lab {

struct EnginePreset {
  std::string_view name;
  std::string_view description;  // one line for a person: hardware, model, where the constants come from
  EngineConfig config;
  Duration request_overhead{};  // tokenising and HTTP before the engine sees a request; the owner adds it, the step model does not
};

/// All presets, the fastest at their own model first.
[[nodiscard]] std::span<const EnginePreset> engine_presets();
/// Null when there is none with this name.
[[nodiscard]] const EnginePreset* find_engine_preset(std::string_view name);

/// An engine that a person named.
struct NamedEngine {
  std::string name;
  EngineConfig config;
  Duration request_overhead{};
};
/// A preset, or a machine such as h100x2/qwen3-32b (machine.h). An error names all that is known.
[[nodiscard]] Result<NamedEngine> engine_named(std::string_view name);

}  // namespace evener::lab
