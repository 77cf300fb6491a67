#pragma once
// BoundedForecast: the bank's forecast of a series and a bound that a given share of the values stays below.

#include <algorithm>
#include <memory>
#include <utility>
#include <vector>

#include "evener/core/forecast/bank.h"
#include "evener/core/forecast/conformal.h"

namespace evener::forecast {

/// Not thread-safe.
class BoundedForecast {
 public:
  /// The bound is learned from two seasons of forecasts. `models` as the bank takes them.
  BoundedForecast(SeriesShape shape, double quantile, std::vector<std::unique_ptr<Forecaster>> models)
      : shape_(shape),
        bank_(shape, std::move(models)),
        bound_(quantile, std::max(2 * shape.season, ConformalBound::SamplesMin)),
        pending_(shape.horizon) {}
  BoundedForecast(SeriesShape shape, double quantile) : BoundedForecast(shape, quantile, standard_models(shape)) {}

  void observe(double value) {
    if (pending_.full()) bound_.observe(pending_.ago(shape_.horizon - 1), value);
    bank_.observe(value);
    pending_.push(bank_.forecast());
    ++seen_;
  }

  [[nodiscard]] double forecast() const { return bank_.forecast(); }
  [[nodiscard]] double upper() const { return std::min(bound_.upper(bank_.forecast()), bank_.ceiling()); }
  /// Whether a forecast has met the moment that it was made for, so that the bound is more than the forecast.
  [[nodiscard]] bool judged() const { return seen_ > shape_.horizon; }
  [[nodiscard]] const Bank& bank() const { return bank_; }

 private:
  SeriesShape shape_;
  Bank bank_;
  ConformalBound bound_;
  History pending_;
  std::size_t seen_ = 0;
};

}  // namespace evener::forecast
