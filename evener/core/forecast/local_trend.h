#pragma once
// LocalTrend: a Kalman filter of a level and a trend that both drift (local linear trend), over the logarithm of the series. Robust: an
// innovation beyond a few of its usual sizes counts only up to there, so that one outage does not become a trend; and the trend fades with
// the horizon, because no load grows for ever (Gardner and McKenzie, 1985).

#include "evener/core/forecast/forecaster.h"

namespace evener::forecast {

/// Variances relative to each other; only their ratios matter, as the usual size of an innovation is learned.
struct LocalTrendNoise {
  double level = 1;
  double trend = 0.01;
  double measurement = 0.5;
};

/// Keeps no values, only its state.
class LocalTrend final : public Forecaster {
 public:
  static constexpr double ClipAt = 3;         // times the usual innovation
  static constexpr double TrendKept = 0.8;    // of the trend, from one step ahead to the next
  static constexpr double Forgetting = 0.02;  // share of the latest innovation in the usual one

  explicit LocalTrend(SeriesShape shape, LocalTrendNoise noise = {}) : shape_(shape), noise_(noise) {}

  [[nodiscard]] std::string_view name() const override { return "local-trend"; }
  void observe(double value) override;
  [[nodiscard]] double forecast() const override;

 private:
  SeriesShape shape_;
  LocalTrendNoise noise_;
  double level_ = 0, trend_ = 0;
  // Covariance of level and trend; a wide start lets the first values decide.
  double level_variance_ = 1e3, covariance_ = 0, trend_variance_ = 1;
  double usual_ = 0;  // mean size of an innovation
  double seen_ = 0;
};

}  // namespace evener::forecast
