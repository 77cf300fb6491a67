#include "evener/core/forecast/holt_winters.h"

#include <numeric>

namespace evener::forecast {

void HoltWinters::observe(double value) {
  if (!ready()) {
    seasonal_.push_back(value);
    level_ = value;
    if (!ready()) return;
    level_ = std::accumulate(seasonal_.begin(), seasonal_.end(), 0.0) / static_cast<double>(seasonal_.size());
    for (double& part : seasonal_) part -= level_;
    return;
  }
  double& part = seasonal_[next_];
  const double before = level_;
  level_ = shares_.level * (value - part) + (1 - shares_.level) * (level_ + trend_);
  trend_ = shares_.trend * (level_ - before) + (1 - shares_.trend) * trend_;
  part = shares_.season * (value - level_) + (1 - shares_.season) * part;
  next_ = next_ + 1 == shape_.season ? 0 : next_ + 1;
}

double HoltWinters::forecast() const {
  if (!ready()) return level_;
  return level_ + static_cast<double>(shape_.horizon) * trend_ + seasonal_[(next_ + shape_.horizon - 1) % shape_.season];
}

}  // namespace evener::forecast
