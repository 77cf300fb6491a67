#pragma once
// Under which names engines give their figures in Prometheus' text: one table, from which the reader and the operator's self-test both work.

#include <span>
#include <string_view>

#include "evener/protocol/engine_load.h"

namespace evener::protocol {

/// One name of one figure. Of several rules for the same figure of an engine the first that finds a sample counts, so newer names stand first.
struct LoadRule {
  EngineKind engine{};
  Figure figure{};
  std::string_view name;  // behind the engine's prefix
  Combine combine = Combine::Sum;
  std::string_view label = {};        // only samples with this label ...
  std::string_view label_value = {};  // ... of this value
  std::string_view value_label = {};  // the figure is the value of this label, for information carried in labels
};

inline constexpr std::size_t LoadRulesMax = 64;
[[nodiscard]] std::span<const LoadRule> load_rules();

struct EngineMetricName {
  EngineKind engine{};
  std::string_view name;  // without the prefix
};
/// The engine whose prefix the name has. vLLM's and SGLang's separator is ':' or, under Ray and in newer releases, '_'.
[[nodiscard]] std::optional<EngineMetricName> engine_of_metric(std::string_view name);

}  // namespace evener::protocol
