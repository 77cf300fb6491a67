#include "evener/core/forecast/autoregression.h"

#include <doctest/doctest.h>

#include <array>
#include <cmath>
#include <numbers>

#include "evener/core/forecast/ridge.h"

namespace evener::forecast {
namespace {

double daily(int i) { return 100 + 50 * std::sin(2 * std::numbers::pi * i / 48); }

}  // namespace

TEST_CASE("ridge regression finds the line through points that lie on one") {
  Ridge ridge(2);
  for (const double x : {0.0, 1.0, 2.0}) ridge.add(std::array{1.0, x}, 1 + 2 * x);
  const Ridge::Weights weights = ridge.solve(1e-9);
  CHECK(weights[0] == doctest::Approx(1));
  CHECK(weights[1] == doctest::Approx(2));
}

TEST_CASE("the penalty of ridge regression shrinks the weights") {
  Ridge ridge(1);
  ridge.add(std::array{1.0}, 2);
  ridge.add(std::array{2.0}, 4);
  CHECK(ridge.solve(5)[0] == doctest::Approx(1));  // (2 + 8) / (1 + 4 + 5)
}

TEST_CASE("variables that say the same share their weight") {
  Ridge ridge(2);
  for (const double x : {1.0, 2.0, 3.0}) ridge.add(std::array{x, x}, 4 * x);
  const Ridge::Weights weights = ridge.solve(1e-6);
  CHECK(weights[0] == doctest::Approx(2).epsilon(0.001));
  CHECK(weights[1] == doctest::Approx(2).epsilon(0.001));
}

TEST_CASE("an autoregression says the last value until it has samples enough") {
  Autoregression model({.season = 48, .horizon = 1}, Autoregression::Lags::Latest);
  CHECK(model.forecast() == 0);
  model.observe(5);
  model.observe(9);
  CHECK(model.forecast() == doctest::Approx(9));
}

TEST_CASE("an autoregression with daily lags has learned a daily shape after a few days, hours ahead") {
  for (const std::size_t horizon : {std::size_t{1}, std::size_t{6}, std::size_t{47}}) {
    CAPTURE(horizon);
    Autoregression model({.season = 48, .horizon = horizon}, Autoregression::Lags::LatestAndSeason);
    for (int i = 0; i <= 400; ++i) model.observe(daily(i));
    CHECK(model.forecast() == doctest::Approx(daily(400 + static_cast<int>(horizon))).epsilon(0.01));
  }
}

TEST_CASE("an autoregression continues a growth that is steady in per cent") {
  Autoregression model({.season = 48, .horizon = 5}, Autoregression::Lags::Latest);
  for (int i = 0; i <= 200; ++i) model.observe(std::pow(1.01, i) * 100 - 1);
  CHECK(model.forecast() == doctest::Approx(std::pow(1.01, 205) * 100 - 1).epsilon(0.01));
}

TEST_CASE("an autoregression of a constant is that constant, zero too") {
  for (const double value : {0.0, 7.0}) {
    CAPTURE(value);
    Autoregression model({.season = 48, .horizon = 3}, Autoregression::Lags::LatestAndSeason);
    for (int i = 0; i < 300; ++i) model.observe(value);
    CHECK(model.forecast() == doctest::Approx(value).epsilon(0.01));
  }
}

}  // namespace evener::forecast
