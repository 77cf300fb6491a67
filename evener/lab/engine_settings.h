#pragma once
// What can be set of a named engine, one number each, by the names that the command line uses: batch, kv_blocks, matmul and so on.

#include <string>
#include <string_view>

#include "evener/core/result.h"
#include "evener/lab/engine_presets.h"

namespace evener::lab {

[[nodiscard]] bool is_engine_setting(std::string_view name);
/// All names with commas, for a message.
[[nodiscard]] std::string engine_setting_names();
/// An error names the setting, the value and what is allowed. The rates (prefill_tokens_per_s, step_ms, per_sequence_ms) replace the engine's
/// step model by a straight line; the constants of the roofline want an engine that has one.
[[nodiscard]] Result<void> set_engine(NamedEngine& engine, std::string_view name, std::string_view value);

}  // namespace evener::lab
