#include "evener/core/forecast/conformal.h"

#include <algorithm>
#include <cassert>
#include <cmath>

#include "evener/core/portable_math.h"

namespace evener::forecast {

ConformalBound::ConformalBound(double quantile, std::size_t kept) : quantile_(quantile), level_(quantile), excesses_(kept) {
  assert(quantile >= 0.5 && quantile <= 0.999 && kept >= SamplesMin);
}

void ConformalBound::observe(double forecast, double value) {
  const double excess = portable::log1p(std::max(value, 0.0)) - portable::log1p(std::max(forecast, 0.0));
  if (!sorted_.empty()) level_ = std::clamp(level_ + Pace * ((excess > excess_ ? 1.0 : 0.0) - (1 - quantile_)), 0.5, 1.0);

  if (excesses_.full()) sorted_.erase(std::lower_bound(sorted_.begin(), sorted_.end(), excesses_.ago(excesses_.size() - 1)));
  excesses_.push(excess);
  sorted_.insert(std::upper_bound(sorted_.begin(), sorted_.end(), excess), excess);

  if (sorted_.size() < SamplesMin) {
    excess_ = sorted_.back();
    return;
  }
  // The rank that split conformal prediction takes: of the n seen and the one to come, `level_` lie at or below it.
  const double rank = std::ceil(level_ * static_cast<double>(sorted_.size() + 1));
  excess_ = sorted_[std::min(static_cast<std::size_t>(std::max(rank, 1.0)), sorted_.size()) - 1];
}

double ConformalBound::upper(double forecast) const { return std::max(portable::expm1(portable::log1p(std::max(forecast, 0.0)) + excess_), 0.0); }

}  // namespace evener::forecast
