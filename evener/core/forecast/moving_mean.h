#pragma once
// MovingMean: the mean of the latest values. Slower to follow than exponential smoothing, and calmer.

#include <algorithm>

#include "evener/core/forecast/forecaster.h"
#include "evener/core/forecast/history.h"

namespace evener::forecast {

/// Keeps `window` values.
class MovingMean final : public Forecaster {
 public:
  /// `window` >= 1.
  explicit MovingMean(std::size_t window) : values_(window) {}

  [[nodiscard]] std::string_view name() const override { return "moving-mean"; }
  void observe(double value) override { values_.push(value); }
  // Summed anew each time: a running sum would keep the rounding error of every value that it has ever held.
  [[nodiscard]] double forecast() const override {
    double sum = 0;
    for (std::size_t i = 0; i < values_.size(); ++i) sum += values_.ago(i);
    return sum / static_cast<double>(std::max<std::size_t>(values_.size(), 1));
  }

 private:
  History values_;
};

}  // namespace evener::forecast
