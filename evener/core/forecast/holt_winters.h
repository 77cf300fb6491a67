#pragma once
// HoltWinters: additive triple exponential smoothing (Winters, 1960): a level, a trend, and what each time of the season adds. The first
// season is taken as its mean and the differences from it. Blows up after outages; the bank clips it.

#include <vector>

#include "evener/core/forecast/forecaster.h"

namespace evener::forecast {

struct HoltWintersShares {  // of the latest value, 0..1
  double level = 0.6;
  double trend = 0;
  double season = 0.1;
};

/// Keeps one season.
class HoltWinters final : public Forecaster {
 public:
  /// `name` must outlive the forecaster: a literal.
  HoltWinters(SeriesShape shape, HoltWintersShares shares, std::string_view name = "holt-winters")
      : shape_(shape), shares_(shares), name_(name) {}

  [[nodiscard]] std::string_view name() const override { return name_; }
  void observe(double value) override;
  [[nodiscard]] double forecast() const override;

 private:
  [[nodiscard]] bool ready() const { return seasonal_.size() == shape_.season; }

  SeriesShape shape_;
  HoltWintersShares shares_;
  std::string_view name_;
  std::vector<double> seasonal_;  // while the first season fills: its values; then what each time adds
  std::size_t next_ = 0;          // place in the season of the next value
  double level_ = 0;
  double trend_ = 0;
};

}  // namespace evener::forecast
