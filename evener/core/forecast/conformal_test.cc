#include "evener/core/forecast/conformal.h"

#include <doctest/doctest.h>

#include <cmath>

#include "evener/core/forecast/bounded_forecast.h"
#include "tests/for_each_seed.h"

namespace evener::forecast {

TEST_CASE("without a past the bound is the forecast, and then the largest excess so far") {
  ConformalBound bound(0.95, 100);
  CHECK(bound.upper(10) == doctest::Approx(10));
  bound.observe(99, 199);
  bound.observe(99, 99);
  CHECK(bound.upper(99) == doctest::Approx(199));
  CHECK(bound.upper(9) == doctest::Approx(19));  // twice as much, counted from -1 so that zero has a bound, too
}

TEST_CASE("the bound is the quantile of the past excesses") {
  ConformalBound bound(0.5, 100);
  for (int i = 0; i <= 20; ++i) bound.observe(99, 100.0 * (1 + i) - 1);
  // Of 21 ratios 1..21 the eleventh, the middle one: hits and misses moved the level by at most a tenth.
  CHECK(bound.upper(99) >= 100 * 11 - 1);
  CHECK(bound.upper(99) <= 100 * 13);
}

TEST_CASE("the past beyond what is kept has no say") {
  ConformalBound bound(0.95, 20);
  bound.observe(99, 999);
  for (int i = 0; i < 20; ++i) bound.observe(99, 99);
  CHECK(bound.upper(99) == doctest::Approx(99));
}

TEST_CASE("a bound that is too low below a falling quality is raised until it covers again") {
  ConformalBound bound(0.95, 200);
  Rng rng(1);
  const auto values = [&rng](double spread) { return 100 * std::exp(spread * rng.normal()); };
  for (int i = 0; i < 1000; ++i) bound.observe(100, values(0.1));
  for (int i = 0; i < 400; ++i) bound.observe(100, values(0.4));
  int covered = 0;
  for (int i = 0; i < 1000; ++i) {
    const double value = values(0.4);
    covered += value <= bound.upper(100) ? 1 : 0;
    bound.observe(100, value);
  }
  CHECK(covered >= 920);
  CHECK(covered <= 980);
}

TEST_CASE("the bound of the bank covers about 95 % of a drifting, noisy load") {
  for_each_seed(5, [](Rng& rng) {
    const SeriesShape shape{.season = 48, .horizon = 1 + rng.below(4)};
    BoundedForecast bounded(shape, 0.95);
    double level = 5;
    History bounds(shape.horizon);
    int covered = 0, scored = 0;
    for (int i = 0; i < 2500; ++i) {
      level += 0.05 * rng.normal() - 0.01 * (level - 5);
      const double value = std::exp(level + 0.1 * rng.normal());
      if (i > 500) {
        ++scored;
        covered += value <= bounds.ago(shape.horizon - 1) ? 1 : 0;
      }
      bounded.observe(value);
      bounds.push(bounded.upper());
    }
    CHECK(covered >= scored * 92 / 100);
    CHECK(covered <= scored * 97 / 100);
  });
}

}  // namespace evener::forecast
