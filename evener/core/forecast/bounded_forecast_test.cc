#include "evener/core/forecast/bounded_forecast.h"

#include <doctest/doctest.h>

#include <cmath>

#include "tests/for_each_seed.h"

namespace evener::forecast {
namespace {

constexpr SeriesShape Shape{.season = 144, .horizon = 3};
constexpr double Quantile = 0.95;

struct Result {
  int covered = 0, scored = 0;
  double loss = 0, loss_above_forecast = 0;  // pinball; the second of the bound above the bank's forecast alone
};

template <class Next>
Result run(Rng& rng, Next next) {
  BoundedForecast bounded(Shape, Quantile);
  ConformalBound above(Quantile, 2 * Shape.season);
  History forecasts(Shape.horizon), uppers(Shape.horizon), aboves(Shape.horizon);
  const auto pinball = [](double excess) { return std::max(Quantile * excess, (Quantile - 1) * excess); };
  Result result;
  double level = 50;
  for (int i = 0; i < 3000; ++i) {
    level = next(rng, level);
    const double value = level * std::exp(0.05 * rng.normal());
    if (forecasts.full()) {
      if (i >= 1000) {
        ++result.scored;
        result.covered += value <= uppers.ago(Shape.horizon - 1) ? 1 : 0;
        result.loss += pinball(value - uppers.ago(Shape.horizon - 1));
        result.loss_above_forecast += pinball(value - aboves.ago(Shape.horizon - 1));
      }
      above.observe(forecasts.ago(Shape.horizon - 1), value);
    }
    bounded.observe(value);
    forecasts.push(bounded.forecast());
    uppers.push(bounded.upper());
    aboves.push(above.upper(bounded.forecast()));
  }
  return result;
}

}  // namespace

TEST_CASE(
    "on a load that falls and comes back within the hour the bound is better than one above the forecast, and covers what it promises") {
  for_each_seed(3, [](Rng& rng) {
    bool low = false;
    double usual = 100;
    const Result result = run(rng, [&](Rng& draw, double) {
      low = draw.uniform() < (low ? 0.6 : 0.1);
      usual *= std::exp(0.02 * draw.normal());
      return low ? 0.3 * usual : usual;
    });
    CHECK(result.loss < 0.9 * result.loss_above_forecast);
    CHECK(result.covered >= result.scored * 92 / 100);
    CHECK(result.covered <= result.scored * 98 / 100);
  });
}

TEST_CASE("on a load that drifts the bound is as good as one above the forecast") {
  for_each_seed(3, [](Rng& rng) {
    const Result result = run(rng, [](Rng& draw, double level) { return std::max(level + draw.normal() - 0.02 * (level - 50), 5.0); });
    CHECK(result.loss < 1.03 * result.loss_above_forecast);
    CHECK(result.covered >= result.scored * 92 / 100);
    CHECK(result.covered <= result.scored * 98 / 100);
  });
}

TEST_CASE("the bound is no more than what is believed possible") {
  BoundedForecast bounded({.season = 24, .horizon = 1}, 0.99);
  for (int i = 0; i < 100; ++i) {
    bounded.observe(i % 7 == 0 ? 1000 : 0);
    CHECK(bounded.upper() <= bounded.bank().ceiling());
  }
}

}  // namespace evener::forecast
