#include "evener/core/forecast/bounded_forecast.h"

#include <algorithm>
#include <utility>

#include "evener/core/portable_math.h"

namespace evener::forecast {
namespace {

std::size_t learned_from(SeriesShape shape) { return std::max(2 * shape.season, ConformalBound::SamplesMin); }

double greatest(const History& values) {
  double greatest = 0;
  for (std::size_t i = 0; i < values.size(); ++i) greatest = std::max(greatest, values.ago(i));
  return greatest;
}

}  // namespace

BoundedForecast::BoundedForecast(SeriesShape shape, double quantile, std::vector<std::unique_ptr<Forecaster>> models)
    : shape_(shape),
      bank_(shape, std::move(models)),
      late_(std::max<std::size_t>(shape.season / LatePart, 1)),
      bounds_{Bound(shape, quantile), Bound(shape, quantile)} {}

void BoundedForecast::observe(double value) {
  for (Bound& bound : bounds_) bound.judge(value);
  bank_.observe(value);
  late_.push(value);
  bounds_[0].set(bank_.forecast());
  bounds_[1].set(greatest(late_));
  ++seen_;
}

// As the bank weighs its members.
double BoundedForecast::upper() const {
  const double least = std::min(bounds_[0].loss(), bounds_[1].loss());
  const double unit = std::max({least, 1e-6 * bank_.ceiling(), 1e-300});
  double total = 0, sum = 0;
  for (const Bound& bound : bounds_) {
    const double weight = portable::exp(-Bank::Sharpness * (bound.loss() - least) / unit);
    total += weight;
    sum += weight * bound.upper();
  }
  return std::min(sum / total, bank_.ceiling());
}

BoundedForecast::Bound::Bound(SeriesShape shape, double quantile)
    : quantile_(quantile),
      judged_max_(static_cast<double>(learned_from(shape))),
      excess_(quantile, learned_from(shape)),
      bases_(shape.horizon),
      uppers_(shape.horizon) {}

void BoundedForecast::Bound::judge(double value) {
  if (!bases_.full()) return;  // what was set for this moment was set before the first value
  excess_.observe(bases_.ago(bases_.size() - 1), value);
  const double above = value - uppers_.ago(uppers_.size() - 1);
  judged_ = std::min(judged_ + 1, judged_max_);
  loss_ += (std::max(quantile_ * above, (quantile_ - 1) * above) - loss_) / judged_;
}

void BoundedForecast::Bound::set(double base) {
  upper_ = excess_.upper(base);
  bases_.push(base);
  uppers_.push(upper_);
}

}  // namespace evener::forecast
