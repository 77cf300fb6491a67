#include "evener/core/forecast/autoregression.h"

#include <algorithm>

#include "evener/core/portable_math.h"

namespace evener::forecast {
namespace {

constexpr double LogMax = 50;  // e^50: beyond any rate, and finite

}  // namespace

// The lags of the season lie between now and a season before the forecast moment, so the horizon must be shorter than the season.
Autoregression::Autoregression(SeriesShape shape, Lags lags)
    : shape_(shape),
      with_season_(lags == Lags::LatestAndSeason && shape.horizon < shape.season),
      reach_(with_season_ ? std::max(LatestLags, shape.season + 1) : LatestLags),
      logs_(FittedSteps + reach_ + shape.horizon) {}

void Autoregression::observe(double value) {
  logs_.push(portable::log1p(value));
  ++since_fit_;
  if (!fitted_ ? logs_.size() >= SamplesMin + reach_ + shape_.horizon : since_fit_ >= RefitSteps) fit();
}

double Autoregression::forecast() const {
  if (logs_.size() == 0) return 0;
  if (!fitted_) return portable::expm1(logs_.ago(0));
  Ridge::Weights x;
  read_variables(0, x);
  double sum = 0;
  for (std::size_t i = 0; i < variables(); ++i) sum += weights_[i] * x[i];
  return portable::expm1(std::min(sum, LogMax));
}

void Autoregression::read_variables(std::size_t ago, Ridge::Weights& x) const {
  x[0] = 1;
  for (std::size_t i = 0; i < LatestLags; ++i) x[1 + i] = logs_.ago(ago + i);
  if (!with_season_) return;
  const std::size_t a_season_before = ago + shape_.season - shape_.horizon;  // of the moment that is forecast
  x[1 + LatestLags] = logs_.ago(a_season_before);
  x[2 + LatestLags] = logs_.ago(a_season_before + 1);
  x[3 + LatestLags] = logs_.ago(ago + shape_.season);
}

void Autoregression::fit() {
  Ridge ridge(variables());
  Ridge::Weights x;
  const std::size_t samples = std::min(FittedSteps, logs_.size() - reach_ - shape_.horizon);
  for (std::size_t i = 0; i < samples; ++i) {
    read_variables(i + shape_.horizon, x);
    ridge.add(std::span(x).first(variables()), logs_.ago(i));
  }
  weights_ = ridge.solve(Penalty);
  fitted_ = true;
  since_fit_ = 0;
}

}  // namespace evener::forecast
