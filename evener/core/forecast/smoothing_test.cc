#include <doctest/doctest.h>

#include <initializer_list>

#include "evener/core/forecast/exponential_smoothing.h"
#include "evener/core/forecast/last_value.h"
#include "evener/core/forecast/moving_mean.h"

namespace evener::forecast {
namespace {

double after(Forecaster& forecaster, std::initializer_list<double> values) {
  for (const double value : values) forecaster.observe(value);
  return forecaster.forecast();
}

}  // namespace

TEST_CASE("the last value is the forecast of last-value") {
  LastValue model;
  CHECK(model.forecast() == 0);
  CHECK(after(model, {3, 7}) == 7);
}

TEST_CASE("exponential smoothing starts at the first value and moves by its share") {
  ExponentialSmoothing model(0.5);
  CHECK(model.forecast() == 0);
  CHECK(after(model, {4}) == 4);
  CHECK(after(model, {8}) == 6);
  CHECK(after(model, {2}) == 4);
}

TEST_CASE("the moving mean forgets what lies before its window") {
  MovingMean model(3);
  CHECK(model.forecast() == 0);
  CHECK(after(model, {3}) == 3);
  CHECK(after(model, {6}) == 4.5);
  CHECK(after(model, {9, 12}) == 9);
}

TEST_CASE("a history keeps what it was made for and no more") {
  History history(3);
  for (int i = 1; i <= 100; ++i) history.push(i);
  CHECK(history.size() == 3);
  CHECK(history.ago(0) == 100);
  CHECK(history.ago(2) == 98);
}

}  // namespace evener::forecast
