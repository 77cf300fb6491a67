#pragma once
// Ridge regression of a few variables: least squares with a small penalty on the weights, so that variables that say the same share their
// weight instead of cancelling each other with huge ones. Normal equations, solved by Cholesky's decomposition.

#include <array>
#include <cstddef>
#include <span>

namespace evener::forecast {

class Ridge {
 public:
  static constexpr std::size_t VariablesMax = 12;
  using Weights = std::array<double, VariablesMax>;

  /// `variables` of at most VariablesMax.
  explicit Ridge(std::size_t variables) : variables_(variables) {}

  /// One sample: x has as many values as there are variables.
  void add(std::span<const double> x, double y);
  /// The weights w with the least sum of (y - w x)^2 + penalty * |w|^2; penalty > 0. O(variables^3).
  [[nodiscard]] Weights solve(double penalty) const;

 private:
  std::size_t variables_;
  std::array<std::array<double, VariablesMax>, VariablesMax> products_{};  // the lower triangle of the sum of x x'
  Weights sums_{};                                                         // of x y
};

}  // namespace evener::forecast
