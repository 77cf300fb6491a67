#include "evener/core/forecast/local_trend.h"

#include <doctest/doctest.h>

#include <cmath>

namespace evener::forecast {

TEST_CASE("the local trend of a constant is that constant") {
  LocalTrend model({.season = 48, .horizon = 3});
  for (int i = 0; i < 50; ++i) model.observe(100);
  CHECK(model.forecast() == doctest::Approx(100));
}

TEST_CASE("the local trend goes on as the load grew, a little less each step") {
  LocalTrend model({.season = 48, .horizon = 3});
  for (int i = 0; i <= 100; ++i) model.observe(std::pow(1.05, i) * 100 - 1);
  const double now = std::pow(1.05, 100) * 100 - 1;
  CHECK(model.forecast() > now * std::pow(1.05, 1));
  CHECK(model.forecast() < now * std::pow(1.05, 3));
}

TEST_CASE("one value a thousand times too large does not become a trend") {
  LocalTrend model({.season = 48, .horizon = 3});
  for (int i = 0; i < 100; ++i) model.observe(i % 2 == 0 ? 95 : 105);
  model.observe(100'000);
  CHECK(model.forecast() < 150);
}

TEST_CASE("a load that has changed for good is followed in spite of the clipping") {
  LocalTrend model({.season = 48, .horizon = 1});
  for (int i = 0; i < 100; ++i) model.observe(i % 2 == 0 ? 95 : 105);
  for (int i = 0; i < 30; ++i) model.observe(1000);
  CHECK(model.forecast() == doctest::Approx(1000).epsilon(0.1));
}

}  // namespace evener::forecast
