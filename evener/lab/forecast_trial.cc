#include "evener/lab/forecast_trial.h"

#include <cmath>

#include "evener/core/forecast/bounded_forecast.h"

namespace evener::lab {

ForecastReport try_forecasts(const RateSeries& series, const ForecastTrial& trial) {
  const std::vector<double>& values = series.rates;
  const std::size_t horizon = trial.shape.horizon;
  forecast::BoundedForecast bounded(trial.shape, trial.quantile);
  const std::size_t members = bounded.bank().members().size();

  ForecastReport report{.models = std::vector<ForecastScore>(members), .bank = {.name = "bank"}};
  double total = 0, forecasts = 0, bounds = 0, covered = 0;
  for (std::size_t i = 0; i + horizon < values.size(); ++i) {
    bounded.observe(values[i]);
    if (i + horizon < trial.training) continue;
    const double value = values[i + horizon];
    total += value;
    forecasts += bounded.forecast();
    bounds += bounded.upper();
    covered += value <= bounded.upper() ? 1 : 0;
    report.bank.wape += std::abs(bounded.forecast() - value);
    for (std::size_t m = 0; m < members; ++m) report.models[m].wape += std::abs(bounded.bank().members()[m].forecast - value);
    ++report.scored;
  }
  for (std::size_t m = 0; m < members; ++m) {
    report.models[m].name = bounded.bank().members()[m].name;
    report.models[m].weight = bounded.bank().members()[m].weight;
    if (total > 0) report.models[m].wape /= total;
  }
  if (total > 0) report.bank.wape /= total;
  if (report.scored > 0) report.coverage = covered / static_cast<double>(report.scored);
  if (forecasts > 0) report.margin = bounds / forecasts;
  return report;
}

}  // namespace evener::lab
