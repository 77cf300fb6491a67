#pragma once
// BoundedForecast: the bank's forecast of a series, and a bound that a given share of the values stays below. Two bounds compete: one above the
// forecast, the other above the greatest value of late. The first is the lower one while a series goes its way; the second where it jumps
// between levels, because what was there within the hour comes back before any model expects it. Each is calibrated for itself, and they
// are weighed by what they cost: their pinball loss, which the true quantile has the least of.

#include <array>
#include <cstddef>
#include <memory>
#include <vector>

#include "evener/core/forecast/bank.h"
#include "evener/core/forecast/conformal.h"

namespace evener::forecast {

/// Keeps two seasons of excesses per bound, and what is pending within the horizon. Not thread-safe.
class BoundedForecast {
 public:
  static constexpr std::size_t LatePart = 24;  // of a season is "of late": an hour of a day

  /// The bounds are learned from two seasons of forecasts. `models` as the bank takes them.
  BoundedForecast(SeriesShape shape, double quantile, std::vector<std::unique_ptr<Forecaster>> models);
  BoundedForecast(SeriesShape shape, double quantile) : BoundedForecast(shape, quantile, standard_models(shape)) {}

  void observe(double value);

  [[nodiscard]] double forecast() const { return bank_.forecast(); }
  [[nodiscard]] double upper() const;
  /// Whether a forecast has met the moment that it was made for, so that the bound is more than the forecast.
  [[nodiscard]] bool judged() const { return seen_ > shape_.horizon; }
  [[nodiscard]] const Bank& bank() const { return bank_; }

 private:
  /// A bound above something that is known now.
  class Bound {
   public:
    Bound(SeriesShape shape, double quantile);
    void judge(double value);
    void set(double base);
    [[nodiscard]] double upper() const { return upper_; }
    [[nodiscard]] double loss() const { return loss_; }

   private:
    double quantile_;
    double judged_max_, judged_ = 0;
    ConformalBound excess_;
    History bases_, uppers_;  // until the moments that they were made for
    double upper_ = 0;
    double loss_ = 0;  // mean, with a memory of two seasons
  };

  SeriesShape shape_;
  Bank bank_;
  History late_;
  std::array<Bound, 2> bounds_;
  std::size_t seen_ = 0;
};

}  // namespace evener::forecast
