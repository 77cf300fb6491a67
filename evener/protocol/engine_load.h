#pragma once
// What the load report of an engine looks like: where each kind of engine has it, and how its bytes become figures. Values only: who asks,
// how often and how long is the collector's. Names and paths change between releases of the engines, so every one of them is looked for and
// none is relied on.

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "evener/protocol/engine_kind.h"
#include "evener/protocol/load_figures.h"

namespace evener::protocol {

inline constexpr std::size_t AdaptersMax = 256;    // names kept of one report
inline constexpr std::size_t LoadRanksMax = 1024;  // parts of a JSON report that are looked into

/// A figure that is taken from a metric named by the operator instead of the engine's own.
struct FigureSource {
  Figure figure{};
  std::string metric;                                       // exact name
  std::vector<std::pair<std::string, std::string>> labels;  // all of them must be there with these values
  double scale = 1;                                         // 0.01 for a percentage
  Combine combine = Combine::Sum;
};

/// What one answer says.
struct LoadReading {
  std::optional<EngineKind> engine;  // whose names or form it has; nothing = nobody's that is known
  LoadFigures figures;
  std::vector<std::string> adapters;  // LoRA adapters in use, sorted; vLLM only
  bool adapters_known = false;
  std::size_t samples = 0;  // samples or parts that were read; 0 = this is no report
};

/// Reads a report in whatever form it has: Prometheus' text, SGLang's /v1/loads, llama.cpp's /slots, TensorRT-LLM's iteration statistics, or an
/// engine's /version, which has no figures but tells who it is. `mapping` goes before the names of engines. O(size of body).
[[nodiscard]] LoadReading read_load(std::string_view body, std::span<const FigureSource> mapping = {});

/// Where an engine of this kind has its report, the best first; several complete each other. Empty for kinds that have none.
[[nodiscard]] std::span<const std::string_view> load_paths(EngineKind kind);
/// Where to look when the kind is not known, or is not what it was said to be.
[[nodiscard]] std::span<const std::string_view> detection_paths();
/// The port that an engine has its metrics on when that is not the one it serves on; 0 = the same.
[[nodiscard]] std::uint16_t metrics_port(EngineKind kind);
/// Figures that an engine of this kind gives in some release and configuration.
[[nodiscard]] FigureSet figures_of(EngineKind kind);

/// "vLLM", "llama.cpp", ...
[[nodiscard]] std::string_view title_of(EngineKind kind);
/// "vLLM (/metrics): running, waiting, KV use present; prefix hits absent", for the operator. `engine` empty = unknown.
[[nodiscard]] std::string describe_load(std::optional<EngineKind> engine, std::string_view path, FigureSet present);

}  // namespace evener::protocol
