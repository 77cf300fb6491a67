#include "evener/lab/laws.h"

#include <algorithm>
#include <cmath>

namespace evener::lab {

double draw_gamma(Rng& rng, double mean, double cv) {
  if (cv <= 0 || mean <= 0) return mean;
  const double shape = 1 / (cv * cv);
  // A shape below 1 is drawn one higher and pulled back by a power of a uniform.
  const double raised = shape < 1 ? shape + 1 : shape;
  const double d = raised - 1.0 / 3, c = 1 / std::sqrt(9 * d);
  double value = 0;
  for (;;) {
    const double x = rng.normal();
    const double root = 1 + c * x;
    if (root <= 0) continue;
    const double cube = root * root * root;
    if (std::log1p(-rng.uniform()) < 0.5 * x * x + d - d * cube + d * std::log(cube)) {
      value = d * cube;
      break;
    }
  }
  if (shape < 1) value *= std::exp(std::log1p(-rng.uniform()) / shape);
  return value * mean / shape;
}

std::uint32_t LengthLaw::draw(Rng& rng) const {
  double value = mean;
  switch (shape) {
    case Shape::Fixed: break;
    case Shape::Uniform: value = mean + spread * (2 * rng.uniform() - 1); break;
    case Shape::Exponential: value = rng.exponential(mean); break;
    case Shape::LogNormal: {
      const double variance = std::log1p(spread * spread);
      value = mean * std::exp(std::sqrt(variance) * rng.normal() - variance / 2);
      break;
    }
  }
  return static_cast<std::uint32_t>(std::clamp(std::round(value), static_cast<double>(min), static_cast<double>(max)));
}

}  // namespace evener::lab
