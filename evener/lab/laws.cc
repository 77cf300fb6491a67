#include "evener/lab/laws.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "evener/core/portable_math.h"

namespace evener::lab {
namespace {

/// Of x > 0, by Stirling's series, which is good to 1e-12 from 10 on.
double log_gamma(double x) {
  double product = 1;
  for (; x < 10; ++x) product *= x;
  const double inverse = 1 / x, square = inverse * inverse;
  const double series = inverse * (1.0 / 12 - square * (1.0 / 360 - square * (1.0 / 1260 - square / 1680)));
  return (x - 0.5) * portable::log(x) - x + 0.5 * portable::log(2 * std::numbers::pi) + series - portable::log(product);
}

}  // namespace

double weibull_shape(double cv) {
  double low = 0.05, high = 50;  // of the shape: its cv falls from above 1e5 to 0.026
  for (int i = 0; i < 200; ++i) {
    const double shape = std::sqrt(low * high);
    const double squares = portable::exp(log_gamma(1 + 2 / shape) - 2 * log_gamma(1 + 1 / shape)) - 1;
    (squares > cv * cv ? low : high) = shape;
  }
  return low;
}

double draw_weibull(Rng& rng, double mean, double shape) {
  const double scale = mean * portable::exp(-log_gamma(1 + 1 / shape));
  return scale * portable::exp(portable::log(rng.exponential(1)) / shape);
}

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
    if (portable::log1p(-rng.uniform()) < 0.5 * x * x + d - d * cube + d * portable::log(cube)) {
      value = d * cube;
      break;
    }
  }
  if (shape < 1) value *= portable::exp(portable::log1p(-rng.uniform()) / shape);
  return value * mean / shape;
}

std::uint32_t LengthLaw::draw(Rng& rng) const {
  double value = mean;
  switch (shape) {
    case Shape::Fixed: break;
    case Shape::Uniform: value = mean + spread * (2 * rng.uniform() - 1); break;
    case Shape::Exponential: value = rng.exponential(mean); break;
    case Shape::LogNormal: {
      const double variance = portable::log1p(spread * spread);
      value = mean * portable::exp(std::sqrt(variance) * rng.normal() - variance / 2);
      break;
    }
  }
  return static_cast<std::uint32_t>(std::clamp(std::round(value), static_cast<double>(min), static_cast<double>(max)));
}

}  // namespace evener::lab
