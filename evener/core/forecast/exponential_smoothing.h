#pragma once
// ExponentialSmoothing (SES, EWMA): level += share * (value - level). Good where the noise between steps is larger than the drift.

#include "evener/core/forecast/forecaster.h"

namespace evener::forecast {

class ExponentialSmoothing final : public Forecaster {
 public:
  /// `share` of the latest value in the level, above 0 and at most 1.
  explicit ExponentialSmoothing(double share) : share_(share) {}

  [[nodiscard]] std::string_view name() const override { return "exponential-smoothing"; }
  void observe(double value) override {
    level_ = seen_ ? level_ + share_ * (value - level_) : value;
    seen_ = true;
  }
  [[nodiscard]] double forecast() const override { return level_; }

 private:
  double share_;
  double level_ = 0;
  bool seen_ = false;
};

}  // namespace evener::forecast
