#pragma once
// How well forecasters do on a recorded series: each is told the values one by one and asked for the one `horizon` steps ahead; what it said is
// held against what came.

#include <string>
#include <vector>

#include "evener/core/forecast/forecaster.h"
#include "evener/lab/rate_series.h"

namespace evener::lab {

struct ForecastTrial {
  forecast::SeriesShape shape;
  double quantile = 0.95;
  std::size_t training = 1008;  // values that are only learned from
};

struct ForecastScore {
  std::string name;
  double wape = 0;    // sum of |forecast - value| over the sum of the values
  double weight = 0;  // in the bank, at the end; 0 for the bank itself
};

struct ForecastReport {
  std::vector<ForecastScore> models;  // the standard ones, in their order
  ForecastScore bank;
  double coverage = 0;     // share of the values at or below the bound
  double margin = 0;       // mean bound over mean forecast
  std::size_t scored = 0;  // values
};

[[nodiscard]] ForecastReport try_forecasts(const RateSeries& series, const ForecastTrial& trial);

}  // namespace evener::lab
