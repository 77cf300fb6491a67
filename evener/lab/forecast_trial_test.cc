#include "evener/lab/forecast_trial.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <numbers>

#include "tests/data_folder.h"

namespace evener::lab {
namespace {

double best_of(const ForecastReport& report) {
  double best = report.models.front().wape;
  for (const ForecastScore& model : report.models) best = std::min(best, model.wape);
  return best;
}

void check_series(const RateSeries& series, const ForecastTrial& trial) {
  CAPTURE(trial.shape.horizon);
  const ForecastReport report = try_forecasts(series, trial);
  CHECK(report.bank.wape <= best_of(report) + 0.005);
  CHECK(report.coverage >= 0.92);
  CHECK(report.coverage <= 0.97);
}

}  // namespace

TEST_CASE("forecasts of a clean daily shape are nearly exact, and errors are counted against the values") {
  RateSeries series{.step = std::chrono::minutes(30), .rates = {}};
  for (int i = 0; i < 480; ++i) series.rates.push_back(100 + 50 * std::sin(2 * std::numbers::pi * i / 48));
  const ForecastReport report = try_forecasts(series, {.shape = {.season = 48, .horizon = 4}, .training = 240});
  CHECK(report.scored == 240);
  CHECK(report.bank.wape < 0.01);
  CHECK(report.models[0].name == "last-value");
  CHECK(report.models[0].wape == doctest::Approx(0.165).epsilon(0.02));  // the mean of |sin(x + 30 degrees) - sin(x)| times 50 over 100
  CHECK(report.models[3].wape < 1e-9);                                   // a season before
}

TEST_CASE("the bank is as good as the best single model on request rates of language models, and its bound holds") {
  const auto text = read_data_file("servegen/servegen_rates_10min.csv");
  if (!text) return;
  for (const char* column : {"m_large_rps", "m_mid_rps", "m_small_rps"}) {
    CAPTURE(column);
    const auto reading = read_rate_series(*text, "servegen", column);
    REQUIRE(reading);
    for (const std::size_t horizon : {std::size_t{1}, std::size_t{3}})
      check_series(reading->series, {.shape = {.season = 144, .horizon = horizon}});
  }
}

TEST_CASE("the bank is as good as the best single model on taxi rides, and its bound holds") {
  const auto text = read_data_file("nab/realKnownCause/nyc_taxi.csv");
  if (!text) return;
  const auto reading = read_rate_series(*text, "nyc_taxi");
  REQUIRE(reading);
  for (const std::size_t horizon : {std::size_t{1}, std::size_t{2}})
    check_series(reading->series, {.shape = {.season = 48, .horizon = horizon}, .training = 2880});
}

}  // namespace evener::lab
