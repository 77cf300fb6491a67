#pragma once
// ConformalBound: how far above a forecast the value may lie, from how far it lay above earlier forecasts (split conformal prediction, Vovk
// et al., 2005). The level that is asked of the past is moved a little after each miss and hit (adaptive conformal inference, Gibbs and
// Candes, 2021), so that the promised share of values stays below the bound even when the series changes its ways. Assumes nothing about
// the forecaster.

#include <vector>

#include "evener/core/forecast/history.h"

namespace evener::forecast {

class ConformalBound {
 public:
  /// Share by which a miss moves the level; the authors' choice.
  static constexpr double Pace = 0.005;
  static constexpr std::size_t SamplesMin = 20;  // below it the largest excess so far counts

  /// `quantile` of the values is to stay below the bound, 0.5..0.999; it is learned from the latest `kept` forecasts, 20 or more.
  ConformalBound(double quantile, std::size_t kept);

  /// What was forecast, and what came.
  void observe(double forecast, double value);
  /// At least 0. The forecast itself while nothing has been observed.
  [[nodiscard]] double upper(double forecast) const;

 private:
  double quantile_;
  double level_;      // the quantile of the past that is taken for it
  History excesses_;  // log(1 + value) - log(1 + forecast): a ratio for large values, a difference near zero
  std::vector<double> sorted_;
  double excess_ = 0;  // that belongs to level_
};

}  // namespace evener::forecast
