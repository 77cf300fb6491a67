#include "evener/core/forecast/ridge.h"

#include <cassert>
#include <cmath>

namespace evener::forecast {

void Ridge::add(std::span<const double> x, double y) {
  assert(x.size() == variables_);
  for (std::size_t i = 0; i < variables_; ++i) {
    for (std::size_t j = 0; j <= i; ++j) products_[i][j] += x[i] * x[j];
    sums_[i] += x[i] * y;
  }
}

Ridge::Weights Ridge::solve(double penalty) const {
  // products + penalty = L L' with a lower triangular L; the penalty keeps every pivot above zero.
  auto lower = products_;
  for (std::size_t i = 0; i < variables_; ++i) {
    for (std::size_t j = 0; j <= i; ++j) {
      double rest = lower[i][j] + (i == j ? penalty : 0.0);
      for (std::size_t k = 0; k < j; ++k) rest -= lower[i][k] * lower[j][k];
      lower[i][j] = i == j ? std::sqrt(std::fmax(rest, penalty * 1e-6)) : rest / lower[j][j];
    }
  }
  Weights weights = sums_;
  for (std::size_t i = 0; i < variables_; ++i) {
    for (std::size_t k = 0; k < i; ++k) weights[i] -= lower[i][k] * weights[k];
    weights[i] /= lower[i][i];
  }
  for (std::size_t i = variables_; i-- > 0;) {
    for (std::size_t k = i + 1; k < variables_; ++k) weights[i] -= lower[k][i] * weights[k];
    weights[i] /= lower[i][i];
  }
  return weights;
}

}  // namespace evener::forecast
