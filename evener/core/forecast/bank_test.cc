#include "evener/core/forecast/bank.h"

#include <doctest/doctest.h>

#include <cmath>
#include <memory>
#include <utility>
#include <vector>

#include "evener/core/forecast/last_value.h"
#include "tests/for_each_seed.h"

namespace evener::forecast {
namespace {

class Always final : public Forecaster {
 public:
  explicit Always(double value) : value_(value) {}
  [[nodiscard]] std::string_view name() const override { return "always"; }
  void observe(double) override {}
  [[nodiscard]] double forecast() const override { return value_; }

 private:
  double value_;
};

std::vector<std::unique_ptr<Forecaster>> always(std::initializer_list<double> values) {
  std::vector<std::unique_ptr<Forecaster>> models;
  for (const double value : values) models.push_back(std::make_unique<Always>(value));
  return models;
}

}  // namespace

TEST_CASE("the bank weighs its models by how far they were off") {
  Bank bank({.season = 48, .horizon = 1}, always({10, 11}));
  bank.observe(15);
  CHECK(bank.forecast() == 10.5);
  bank.observe(20);
  // Off by 10 and by 9: weights e^(-8 * (10/9 - 1)) = 0.4111 and 1.
  CHECK(bank.members()[0].error == 10);
  CHECK(bank.members()[1].error == 9);
  CHECK(bank.members()[0].weight == doctest::Approx(0.2913).epsilon(0.001));
  CHECK(bank.forecast() == doctest::Approx(10.7087).epsilon(0.0001));
}

TEST_CASE("a forecast is judged by the value that it was made for") {
  Bank bank({.season = 48, .horizon = 2}, always({10, 20}));
  bank.observe(10);
  bank.observe(10);
  CHECK(bank.members()[1].error == 0);
  bank.observe(10);
  CHECK(bank.members()[1].error == 10);
  CHECK(bank.forecast() == doctest::Approx(10));
}

TEST_CASE("no forecast is below zero or above three times the largest value of late") {
  Bank bank({.season = 4, .horizon = 1}, always({1000, -5}));
  bank.observe(20);
  CHECK(bank.members()[0].forecast == 60);
  CHECK(bank.members()[1].forecast == 0);
  for (int i = 0; i < 8; ++i) bank.observe(2);
  CHECK(bank.members()[0].forecast == 6);
}

TEST_CASE("models that make no error share the weight") {
  Bank bank({.season = 48, .horizon = 1}, always({7, 7}));
  for (int i = 0; i < 10; ++i) bank.observe(7);
  CHECK(bank.members()[0].weight == 0.5);
  CHECK(bank.forecast() == 7);
}

TEST_CASE("the standard bank stays within its limits on any load, with outages and bursts") {
  for_each_seed(30, [](Rng& rng) {
    const SeriesShape shape{.season = 24, .horizon = 1 + rng.below(30)};
    Bank bank(shape, standard_models(shape));
    double level = 100;
    std::vector<double> values;
    for (int i = 0; i < 300; ++i) {
      level *= std::exp(0.2 * rng.normal());
      const double value = rng.below(10) == 0 ? 0 : rng.below(20) == 0 ? level * 100 : level;
      values.push_back(value);
      bank.observe(value);
      double largest = 0;
      for (std::size_t j = values.size() > 48 ? values.size() - 48 : 0; j < values.size(); ++j) largest = std::max(largest, values[j]);
      CHECK(std::isfinite(bank.forecast()));
      CHECK(bank.forecast() >= 0);
      CHECK(bank.forecast() <= 3 * largest);
      double weights = 0;
      for (const Bank::Member& member : bank.members()) weights += member.weight;
      CHECK(weights == doctest::Approx(1));
    }
  });
}

}  // namespace evener::forecast
