#pragma once
// PrefixPrediction: what the prefix index expected of a prompt when it was dispatched, kept with the request so that it can be compared with
// what the engine reports at the end.

#include <array>
#include <cstddef>
#include <cstdint>

namespace evener::route {

/// What was expected of one dispatched prompt. Keep it with the request and give it back to settled(). Blocks that were not predicted to be
/// held but are remembered reach from `blocks` to `known_blocks`.
struct PrefixPrediction {
  static constexpr std::size_t Samples = 8;

  std::uint32_t blocks = 0;  // leading ones that were probably held
  std::uint32_t known_blocks = 0;
  std::uint32_t block_tokens = 0;  // estimated, as given to sent()
  std::uint32_t prompt_tokens = 0;
  /// Blocks that the endpoint had allocated since it last used a known block, for evenly spaced ones from the first to the last.
  std::array<float, Samples> age_blocks{};

  /// Prompt tokens that were expected to be cached.
  [[nodiscard]] std::uint32_t tokens() const;
  /// Depth of the block that a sample is of.
  [[nodiscard]] std::size_t sampled(std::size_t sample) const {
    return known_blocks == 0 ? 0 : (known_blocks - 1) * sample / (Samples - 1);
  }

  bool operator==(const PrefixPrediction&) const = default;
};

}  // namespace evener::route
