#include "evener/core/forecast/local_trend.h"

#include <algorithm>
#include <cmath>

#include "evener/core/portable_math.h"

namespace evener::forecast {
namespace {

constexpr double LogMax = 50;
constexpr double SmallestUsual = 1e-3;  // of the logarithm: a constant series must not make every later change an outlier
constexpr double Trusted = 8;           // values before outliers are clipped

}  // namespace

void LocalTrend::observe(double value) {
  const double sample = portable::log1p(value);
  if (seen_ == 0) level_ = sample;

  // One step on.
  level_ += trend_;
  level_variance_ += 2 * covariance_ + trend_variance_ + noise_.level;
  covariance_ += trend_variance_;
  trend_variance_ += noise_.trend;

  double innovation = sample - level_;
  const double size = std::abs(innovation);
  if (seen_ >= Trusted) {
    const double reach = ClipAt * std::max(usual_, SmallestUsual);
    innovation = std::clamp(innovation, -reach, reach);
    // An outlier says a little of what is usual, or a series that has become rougher would be clipped for ever.
    usual_ += Forgetting * (std::min(size, 2 * reach) - usual_);
  } else {
    usual_ += (size - usual_) / (seen_ + 1);
  }
  seen_ = std::min(seen_ + 1, Trusted);

  const double total = level_variance_ + noise_.measurement;
  const double level_gain = level_variance_ / total, trend_gain = covariance_ / total;
  level_ += level_gain * innovation;
  trend_ += trend_gain * innovation;
  trend_variance_ -= trend_gain * covariance_;
  covariance_ *= 1 - level_gain;
  level_variance_ *= 1 - level_gain;
}

double LocalTrend::forecast() const {
  const double steps = TrendKept * (1 - portable::exp(static_cast<double>(shape_.horizon) * portable::log(TrendKept))) / (1 - TrendKept);
  return portable::expm1(std::min(level_ + steps * trend_, LogMax));
}

}  // namespace evener::forecast
