#pragma once
// The inference servers we know by name. Which paths, metrics and habits each has is decided where it matters; unknown ones are Generic.

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

namespace evener::protocol {

enum class EngineKind : std::uint8_t { OpenAi, Vllm, Sglang, LlamaCpp, Tgi, TrtLlm, Triton, TfServing, Ollama, Generic };

struct EngineName {
  EngineKind kind = EngineKind::Generic;
  std::string_view name;  // as written in configurations
};
inline constexpr std::array<EngineName, 10> EngineNames = {{
    {EngineKind::OpenAi, "openai"},
    {EngineKind::Vllm, "vllm"},
    {EngineKind::Sglang, "sglang"},
    {EngineKind::LlamaCpp, "llama.cpp"},
    {EngineKind::Tgi, "tgi"},
    {EngineKind::TrtLlm, "trtllm"},
    {EngineKind::Triton, "triton"},
    {EngineKind::TfServing, "tfserving"},
    {EngineKind::Ollama, "ollama"},
    {EngineKind::Generic, "generic"},
}};

[[nodiscard]] constexpr std::string_view name_of(EngineKind kind) {
  for (const EngineName& entry : EngineNames) {
    if (entry.kind == kind) return entry.name;
  }
  return "generic";
}

[[nodiscard]] constexpr std::optional<EngineKind> engine_kind_named(std::string_view name) {
  for (const EngineName& entry : EngineNames) {
    if (entry.name == name) return entry.kind;
  }
  return std::nullopt;
}

}  // namespace evener::protocol
