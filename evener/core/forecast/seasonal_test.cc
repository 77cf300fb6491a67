#include <doctest/doctest.h>

#include "evener/core/forecast/holt_winters.h"
#include "evener/core/forecast/seasonal_naive.h"

namespace evener::forecast {
namespace {

SeasonalNaive seasonal(std::size_t horizon) { return {{.season = 4, .horizon = horizon}, SeasonalNaive::Level::AsItWas}; }

}  // namespace

TEST_CASE("seasonal-naive says what was at the same time a season before") {
  SeasonalNaive next = seasonal(1), third = seasonal(3), a_season_on = seasonal(4), beyond = seasonal(5);
  for (const double value : {1.0, 2.0, 3.0, 4.0}) {
    for (SeasonalNaive* model : {&next, &third, &a_season_on, &beyond}) model->observe(value);
  }
  CHECK(next.forecast() == 1);
  CHECK(third.forecast() == 3);
  CHECK(a_season_on.forecast() == 4);
  CHECK(beyond.forecast() == 1);
}

TEST_CASE("seasonal-naive says the last value until it has seen a season") {
  SeasonalNaive model = seasonal(1);
  model.observe(5);
  model.observe(7);
  CHECK(model.forecast() == 7);
}

TEST_CASE("a scaled season follows the level of the latest values") {
  SeasonalNaive model({.season = 4, .horizon = 1}, SeasonalNaive::Level::Scaled);
  for (int i = 0; i < 4; ++i) model.observe(10);
  for (int i = 0; i < 6; ++i) model.observe(20);
  // The latest six add up to 120, the six a season before them to 80; a season before the next value there was 20.
  CHECK(model.forecast() == doctest::Approx(30));
}

TEST_CASE("an outage a season ago multiplies the forecast by three at most") {
  SeasonalNaive model({.season = 8, .horizon = 1}, SeasonalNaive::Level::Scaled);
  for (int i = 0; i < 8; ++i) model.observe(1);
  for (int i = 0; i < 8; ++i) model.observe(1000);
  CHECK(model.forecast() == 3000);
}

TEST_CASE("Holt-Winters moves level, trend and season by their shares") {
  HoltWinters next({.season = 2, .horizon = 1}, {.level = 0.5, .trend = 0.5, .season = 0.5});
  HoltWinters second({.season = 2, .horizon = 2}, {.level = 0.5, .trend = 0.5, .season = 0.5});
  for (HoltWinters* model : {&next, &second}) {
    model->observe(10);
    CHECK(model->forecast() == 10);
    model->observe(20);
  }
  // The first season: level 15, its times add -5 and +5.
  CHECK(next.forecast() == 10);
  CHECK(second.forecast() == 20);
  // 12: level (12 + 5) / 2 + 15 / 2 = 16, trend 0.5, the first time adds (12 - 16) / 2 - 5 / 2 = -4.5.
  next.observe(12);
  second.observe(12);
  CHECK(next.forecast() == 21.5);
  CHECK(second.forecast() == 12.5);
}

}  // namespace evener::forecast
