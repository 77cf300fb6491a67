#include "evener/core/forecast/bank.h"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <utility>

#include "evener/core/forecast/autoregression.h"
#include "evener/core/forecast/exponential_smoothing.h"
#include "evener/core/forecast/holt_winters.h"
#include "evener/core/forecast/last_value.h"
#include "evener/core/forecast/local_trend.h"
#include "evener/core/forecast/moving_mean.h"
#include "evener/core/forecast/seasonal_naive.h"
#include "evener/core/portable_math.h"

namespace evener::forecast {

Bank::Bank(SeriesShape shape, std::vector<std::unique_ptr<Forecaster>> models) : shape_(shape) {
  assert(!models.empty() && models.size() <= MembersMax);
  for (auto& model : models) {
    members_.push_back({.name = model->name(), .weight = 1.0 / static_cast<double>(models.size())});
    models_.push_back({.forecaster = std::move(model), .pending = History(shape.horizon)});
  }
}

void Bank::observe(double value) {
  judge(value);

  peak_ = std::max(peak_, value);
  ceiling_ = ClipAt * std::max(peak_, previous_peak_);
  if (++since_peak_ == shape_.season) {
    previous_peak_ = std::exchange(peak_, 0.0);
    since_peak_ = 0;
  }

  for (std::size_t i = 0; i < models_.size(); ++i) {
    models_[i].forecaster->observe(value);
    members_[i].forecast = std::clamp(models_[i].forecaster->forecast(), 0.0, ceiling_);
    models_[i].pending.push(members_[i].forecast);
  }
  weigh();
}

void Bank::judge(double value) {
  if (!models_.front().pending.full()) return;  // what was forecast for this moment was forecast before the first value
  judged_ = std::min(judged_ + 1, static_cast<double>(shape_.season));
  for (std::size_t i = 0; i < models_.size(); ++i) {
    const double error = std::abs(models_[i].pending.ago(shape_.horizon - 1) - value);
    members_[i].error += (error - members_[i].error) / judged_;
  }
}

void Bank::weigh() {
  double least = members_.front().error;
  for (const Member& member : members_) least = std::min(least, member.error);
  // Errors are compared with the least one; where that is next to nothing, with a millionth of the values, and all good members are equal.
  const double unit = std::max({least, 1e-6 * ceiling_, 1e-300});
  double total = 0;
  for (Member& member : members_) total += member.weight = portable::exp(-Sharpness * (member.error - least) / unit);
  forecast_ = 0;
  for (Member& member : members_) {
    member.weight /= total;
    forecast_ += member.weight * member.forecast;
  }
}

std::vector<std::unique_ptr<Forecaster>> standard_models(SeriesShape shape) {
  std::vector<std::unique_ptr<Forecaster>> models;
  models.push_back(std::make_unique<LastValue>());
  models.push_back(std::make_unique<ExponentialSmoothing>(0.5));
  models.push_back(std::make_unique<MovingMean>(6));
  models.push_back(std::make_unique<SeasonalNaive>(shape, SeasonalNaive::Level::AsItWas));
  models.push_back(std::make_unique<SeasonalNaive>(shape, SeasonalNaive::Level::Scaled));
  models.push_back(std::make_unique<HoltWinters>(shape, HoltWintersShares{}));
  models.push_back(std::make_unique<Autoregression>(shape, Autoregression::Lags::Latest));
  models.push_back(std::make_unique<Autoregression>(shape, Autoregression::Lags::LatestAndSeason));
  models.push_back(std::make_unique<LocalTrend>(shape));
  return models;
}

}  // namespace evener::forecast
