#pragma once
// Autoregression: the logarithm of the value as a weighted sum of the logarithms of the latest six, and with daily lags also of those around
// the same time a season before. The weights are fitted for the horizon itself ("direct") by ridge regression over the latest days, every
// few steps. The best single model on series with a strong daily shape, and close to the last value elsewhere.

#include <cstdint>

#include "evener/core/forecast/forecaster.h"
#include "evener/core/forecast/history.h"
#include "evener/core/forecast/ridge.h"

namespace evener::forecast {

/// Keeps `FittedSteps` values and a season; a fit costs about 0.08 ms (10 variables, 2,880 samples; forecast_bench, -O2).
class Autoregression final : public Forecaster {
 public:
  enum class Lags : std::uint8_t { Latest, LatestAndSeason };
  static constexpr std::size_t LatestLags = 6;
  static constexpr std::size_t SeasonLags = 3;
  static constexpr std::size_t FittedSteps = 2880;  // samples of a fit: 60 days of half hours, 2 days of minutes
  static constexpr std::size_t SamplesMin = 48;     // before a fit is believed; the last value until then
  static constexpr std::size_t RefitSteps = 36;
  static constexpr double Penalty = 0.01;

  Autoregression(SeriesShape shape, Lags lags);

  [[nodiscard]] std::string_view name() const override { return with_season_ ? "autoregression-seasonal" : "autoregression"; }
  void observe(double value) override;
  [[nodiscard]] double forecast() const override;

 private:
  [[nodiscard]] std::size_t variables() const { return 1 + LatestLags + (with_season_ ? SeasonLags : 0); }
  /// What was known `ago` steps before the latest value.
  void read_variables(std::size_t ago, Ridge::Weights& x) const;
  void fit();

  SeriesShape shape_;
  bool with_season_;
  std::size_t reach_;  // values before a moment that its variables need
  History logs_;       // log(1 + value)
  Ridge::Weights weights_{};
  bool fitted_ = false;
  std::size_t since_fit_ = 0;
};

}  // namespace evener::forecast
