#pragma once
// RateAllowance: what a server that limits rates says we may still do: how many requests or tokens remain, of how many, and when all of them
// are there again. Every figure may be missing: unknown is not zero.

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "evener/core/time.h"

namespace evener {

enum class RateOf : std::uint8_t { Requests, Tokens, InputTokens, OutputTokens };
inline constexpr std::size_t RateKinds = 4;

struct RateAllowance {
  struct Figures {
    std::optional<double> limit;
    std::optional<double> remaining;
    std::optional<Duration> reset;   // from now until `limit` remains again
    std::optional<Duration> window;  // over which the limit counts
    bool gradual = false;            // what was used comes back evenly until then, as in a token bucket; else all at once

    bool operator==(const Figures&) const = default;
  };
  std::array<Figures, RateKinds> figures{};

  [[nodiscard]] Figures& of(RateOf kind) { return figures[static_cast<std::size_t>(kind)]; }
  [[nodiscard]] const Figures& of(RateOf kind) const { return figures[static_cast<std::size_t>(kind)]; }
  /// Whether it says how much remains of anything.
  [[nodiscard]] bool tells() const {
    return std::any_of(figures.begin(), figures.end(), [](const Figures& one) { return one.remaining.has_value(); });
  }

  bool operator==(const RateAllowance&) const = default;
};

}  // namespace evener
