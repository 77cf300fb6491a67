#pragma once
// Reads the strict subset of YAML 1.2 that configuration is written in: one document, spaces for indentation, distinct plain keys, no tags,
// no merge keys, anchors within bounds. JSON is part of it. The grammar is yaml-cpp's, of which only the event interface is used: its tree
// keeps the first of duplicate keys in silence and reads 0123 as 83.

#include <cstddef>
#include <optional>
#include <string_view>

#include "evener/base/config/node.h"
#include "evener/base/config/problem.h"

namespace evener::config {

inline constexpr std::size_t FileBytesMax = 8U << 20;
inline constexpr std::size_t DepthMax = 64;
inline constexpr std::size_t NodesMax = 500'000;  // with what aliases expand to

/// Adds what is wrong to `problems`. Nothing comes back when there is no tree to go on with; with a tree there may be problems too.
[[nodiscard]] std::optional<Node> parse_yaml(std::string_view text, Problems& problems);

}  // namespace evener::config
