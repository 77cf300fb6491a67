// Made-up arrivals against what their laws say. A tolerance is given in standard errors of the estimate, taken from the same sample: four, so
// that one seed in 16,000 would fail a right law. Seeds are fixed.

#include "evener/lab/arrival_law.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <numbers>
#include <utility>
#include <vector>

#include "evener/lab/laws.h"

namespace evener::lab {
namespace {

constexpr double StandardErrors = 4;

struct Estimate {
  double mean = 0, error = 0;  // its standard error
};

Estimate estimate(const std::vector<double>& sample) {
  double sum = 0, squares = 0;
  for (const double value : sample) sum += value;
  const auto count = static_cast<double>(sample.size());
  const double mean = sum / count;
  for (const double value : sample) squares += (value - mean) * (value - mean);
  return {.mean = mean, .error = std::sqrt(squares / (count - 1) / count)};
}

void check(const Estimate& estimate, double exact) {
  INFO("estimated ", estimate.mean, " with standard error ", estimate.error, ", exact ", exact);
  CHECK(std::abs(estimate.mean - exact) < StandardErrors * estimate.error);
}

std::vector<double> times_s(const ArrivalLaw& law, std::uint64_t seed = 1) {
  std::vector<double> times;
  for (const ArrivalTime& arrival : arrival_times(law, Rng(seed))) times.push_back(seconds(arrival.at));
  return times;
}

std::vector<double> distances_s(const ArrivalLaw& law) {
  const std::vector<double> times = times_s(law);
  std::vector<double> distances;
  for (std::size_t i = 1; i < times.size(); ++i) distances.push_back(times[i] - times[i - 1]);
  return distances;
}

/// How many come in each of so many equal parts of the time.
std::vector<double> counts(const std::vector<double>& times, double length_s, double part_s) {
  std::vector<double> result(static_cast<std::size_t>(length_s / part_s));
  for (const double at_s : times) {
    const auto part = static_cast<std::size_t>(at_s / part_s);
    if (part < result.size()) ++result[part];
  }
  return result;
}

std::vector<double> products(const std::vector<double>& values, double mean, std::size_t lag) {
  std::vector<double> result;
  for (std::size_t i = lag; i < values.size(); ++i) result.push_back((values[i] - mean) * (values[i - lag] - mean));
  return result;
}

/// Means of so many pieces of a series whose neighbours depend on each other; the pieces hardly do.
std::vector<double> batches(const std::vector<double>& values, std::size_t count) {
  std::vector<double> means(count);
  const std::size_t size = values.size() / count;
  for (std::size_t i = 0; i < count * size; ++i) means[i / size] += values[i] / static_cast<double>(size);
  return means;
}

TEST_CASE(
    "renewal arrivals have the rate and the coefficient of variation that were asked for, and distances that know nothing of each other") {
  constexpr double Rate = 50, Mean = 1 / Rate;
  using Distances = ArrivalLaw::Distances;
  for (const auto& [distances, cv] : std::vector<std::pair<Distances, double>>{{Distances::Gamma, 1},
                                                                               {Distances::Gamma, 0.5},
                                                                               {Distances::Gamma, 3},
                                                                               {Distances::Weibull, 1},
                                                                               {Distances::Weibull, 0.5},
                                                                               {Distances::Weibull, 3}}) {
    CAPTURE(static_cast<int>(distances));
    CAPTURE(cv);
    const std::vector<double> sample = distances_s({.stages = {{Rate, 4000}}, .distances = distances, .cv = cv});
    check(estimate(sample), Mean);
    check(estimate(products(sample, Mean, 0)), Mean * Mean * cv * cv);
    check(estimate(products(sample, Mean, 1)), 0);
    check(estimate(products(sample, Mean, 5)), 0);
  }
}

TEST_CASE("arrivals at a fixed rate have equal distances") {
  const std::vector<double> sample = distances_s({.stages = {{50, 100}}, .cv = 0});
  CHECK(sample.size() >= 4998);
  for (const double distance : sample) CHECK(distance == doctest::Approx(0.02));
}

TEST_CASE("the shape of a Weibull law gives its coefficient of variation") {
  CHECK(weibull_shape(1) == doctest::Approx(1));
  CHECK(weibull_shape(std::sqrt(5.0)) == doctest::Approx(0.5));                     // gamma(5) / gamma(3)^2 = 6
  CHECK(weibull_shape(std::sqrt(4 / std::numbers::pi - 1)) == doctest::Approx(2));  // Rayleigh
}

TEST_CASE("bursts have the mean, the index of dispersion and the correlation of a two-state Markov-modulated Poisson process") {
  const Bursts bursts{.ratio = 6, .share = 0.25, .mean_s = 2};
  constexpr double Rate = 20, Length = 40'000, Window = 1;
  const std::vector<double> sample = counts(times_s({.stages = {{Rate, Length}}, .bursts = bursts}), Length, Window);
  // Variance of the count in t: rate t + 2 v/s (t - (1 - e^(-st))/s), with v the variance of the rate and s the sum of both rates of change.
  const double calm = Rate / (1 + bursts.share * (bursts.ratio - 1));
  const double spread = calm * bursts.ratio - calm;
  const double rate_variance = spread * spread * bursts.share * (1 - bursts.share);
  const double change = 1 / bursts.mean_s + bursts.share / (bursts.mean_s * (1 - bursts.share));
  const auto variance = [&](double t) { return Rate * t + 2 * rate_variance / change * (t - (1 - std::exp(-change * t)) / change); };
  constexpr std::size_t Batches = 200;
  check(estimate(batches(sample, Batches)), Rate * Window);
  check(estimate(batches(products(sample, Rate * Window, 0), Batches)), variance(Window));
  check(estimate(batches(products(sample, Rate * Window, 1), Batches)), (variance(2 * Window) - 2 * variance(Window)) / 2);
  CHECK(variance(Window) > 3 * Rate * Window);  // what is tested is not what Poisson arrivals would have
}

TEST_CASE("a day has its hours and a week its weekend") {
  const Daily daily{.swing = 0.7, .weekend = 0.4, .day_s = 240, .peak = 0.6, .begin = 4};  // from Friday on
  constexpr double Rate = 30;
  constexpr std::size_t Weeks = 20, Hours = 24;
  const double length_s = daily.day_s * 7 * Weeks;
  const std::vector<double> hourly = counts(times_s({.stages = {{Rate, length_s}}, .daily = daily}), length_s, daily.day_s / Hours);
  REQUIRE(hourly.size() == Weeks * 7 * Hours);
  const double week_mean = (5 + 2 * daily.weekend) / 7;
  check(estimate(batches(hourly, Weeks)), Rate * daily.day_s / Hours);
  for (std::size_t hour = 0; hour < Hours; ++hour) {
    std::vector<double> workdays, weekends;
    for (std::size_t day = 0; day < Weeks * 7; ++day) {
      const bool weekend = (day + 4) % 7 >= 5;
      (weekend ? weekends : workdays).push_back(hourly[day * Hours + hour]);
    }
    const double phase = 2 * std::numbers::pi;
    const auto integral = [&](double day) { return day + daily.swing / phase * std::sin(phase * (day - daily.peak)); };
    const double of_hour = integral((static_cast<double>(hour) + 1) / Hours) - integral(static_cast<double>(hour) / Hours);
    CAPTURE(hour);
    check(estimate(workdays), Rate * daily.day_s * of_hour / week_mean);
    check(estimate(weekends), Rate * daily.day_s * of_hour / week_mean * daily.weekend);
  }
}

TEST_CASE("bursts and days bend any renewal process, and change when requests come but not how many") {
  const ArrivalLaw law{.stages = {{10, 7 * 1000}},
                       .distances = ArrivalLaw::Distances::Weibull,
                       .cv = 0.5,
                       .bursts = {.ratio = 4, .share = 0.2, .mean_s = 5},
                       .daily = {.swing = 1, .weekend = 0, .day_s = 1000}};
  std::vector<double> totals;
  for (std::uint64_t seed = 1; seed <= 20; ++seed) totals.push_back(static_cast<double>(times_s(law, seed).size()));
  check(estimate(totals), 10 * 7 * 1000);
}

TEST_CASE("nothing comes on a weekend without requests, and time goes on") {
  const std::vector<double> times = times_s({.stages = {{1, 7 * 100}}, .daily = {.weekend = 0, .day_s = 100, .begin = 5}});
  CHECK(times.front() >= 200);
  CHECK(times.back() < 700);
  CHECK(std::is_sorted(times.begin(), times.end()));
}

TEST_CASE("a longer load begins like a shorter one, stages have their own draws, and other seeds other times") {
  const ArrivalLaw law{.stages = {{5, 50}, {5, 50}}, .bursts = {.ratio = 3}, .daily = {.swing = 0.5, .day_s = 20}};
  ArrivalLaw longer = law;
  for (Stage& stage : longer.stages) stage.duration_s = 100;
  const auto some = arrival_times(law, Rng(1)), more = arrival_times(longer, Rng(1)), other = arrival_times(law, Rng(2));
  std::vector<Duration> first, second;
  for (const ArrivalTime& arrival : some) (arrival.stage == 0 ? first : second).push_back(arrival.at);
  REQUIRE(first.size() > 10);
  for (std::size_t i = 0; i < first.size(); ++i) CHECK(first[i] == more[i].at);
  CHECK(first.front() != second.front());
  CHECK(some.front().at != other.front().at);
}

}  // namespace
}  // namespace evener::lab
