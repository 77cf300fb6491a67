#pragma once
// The downhill simplex search of Nelder and Mead (1965): finds a low point of a function of a few variables without derivatives. Local, and good
// with functions that are rough at a small scale, such as the error of a simulation.

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

namespace evener::lab {

struct SimplexSettings {
  std::uint32_t evaluations_max = 500;
  double step = 0.2;        // of the first simplex, along each axis
  double tolerance = 1e-5;  // ends when the values at the corners differ by no more
};

struct LowPoint {
  std::vector<double> at;
  double value = 0;
  std::uint32_t evaluations = 0;
};

/// From `start`, which has at least one variable. Deterministic when `value` is; never returns a point higher than the start.
[[nodiscard]] LowPoint search_simplex(const std::function<double(std::span<const double>)>& value, std::vector<double> start,
                                      const SimplexSettings& settings = {});

}  // namespace evener::lab
