#pragma once
// Laws of chance that made-up load follows: lengths of prompts and answers, distances between requests. Each draw takes its own Rng, so
// that a value depends on what it is for and not on how many were drawn before it.

#include <cstdint>

#include "evener/core/rng.h"

namespace evener::lab {

/// Gamma distributed with this mean and coefficient of variation: 0 is always the mean, 1 exponential. mean >= 0, cv >= 0.
/// Marsaglia and Tsang (2000).
[[nodiscard]] double draw_gamma(Rng& rng, double mean, double cv);

/// The shape of the Weibull distribution with this coefficient of variation, at least 0.05 and at most 20; for other ones the nearest.
[[nodiscard]] double weibull_shape(double cv);
/// Weibull distributed with this mean: shape 1 is exponential, a smaller one has a longer tail.
[[nodiscard]] double draw_weibull(Rng& rng, double mean, double shape);

/// A length in tokens.
struct LengthLaw {
  enum class Shape : std::uint8_t { Fixed, Uniform, Exponential, LogNormal };
  Shape shape = Shape::Fixed;
  double mean = 256;
  double spread = 0;  // uniform: half the width; log-normal: coefficient of variation
  std::uint32_t min = 1, max = 1U << 24;
  /// Rounded, and brought within min and max.
  [[nodiscard]] std::uint32_t draw(Rng& rng) const;
};

}  // namespace evener::lab
