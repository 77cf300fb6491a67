#include "evener/route/outlier.h"

#include <doctest/doctest.h>

#include <vector>

#include "tests/for_each_seed.h"

using namespace evener;
using namespace evener::route;
using namespace std::chrono_literals;

namespace {
Instant at(Duration since_start) { return Instant{} + since_start; }
}  // namespace

TEST_CASE("five failures in a row ask for ejection, and one success begins the count anew") {
  OutlierRecord record;
  const OutlierSettings settings{.consecutive_failures = 5};
  for (int i = 0; i < 4; ++i) CHECK_FALSE(record.failed(settings));
  record.succeeded();
  for (int i = 0; i < 4; ++i) CHECK_FALSE(record.failed(settings));
  CHECK(record.failed(settings));
}

TEST_CASE("with consecutive_failures 0 no number of failures asks for ejection") {
  OutlierRecord record;
  for (int i = 0; i < 1000; ++i) CHECK_FALSE(record.failed({.consecutive_failures = 0}));
}

TEST_CASE("each ejection is longer than the one before, up to the longest") {
  OutlierRecord record;
  const OutlierSettings settings{.base_ejection = 10s, .max_ejection = 35s};
  Instant now = at(0s);
  for (Duration expected : {10s, 20s, 30s, 35s, 35s}) {
    record.eject(settings, now);
    CHECK(*record.until() == now + expected);
    CHECK_FALSE(record.expire(*record.until() - 1ns));
    now = *record.until();
    CHECK(record.expire(now));
  }
  CHECK(record.ejections_total() == 5);
}

TEST_CASE("an interval without ejection forgives one, so the next ejection is shorter") {
  OutlierRecord record;
  const OutlierSettings settings{.base_ejection = 10s, .max_ejection = 300s};
  record.eject(settings, at(0s));
  record.interval_passed();  // still ejected: nothing is forgiven
  CHECK(record.expire(at(10s)));
  record.interval_passed();  // it was out for a part of this one
  record.eject(settings, at(10s));
  CHECK(*record.until() == at(30s));
  CHECK(record.expire(at(30s)));
  record.interval_passed();
  record.interval_passed();
  record.interval_passed();
  record.eject(settings, at(50s));
  CHECK(*record.until() == at(60s));
}

TEST_CASE("an endpoint returns with a clean count of failures") {
  OutlierRecord record;
  const OutlierSettings settings{.consecutive_failures = 2};
  record.eject(settings, at(0s));
  record.failed(settings);
  record.failed(settings);
  CHECK(record.expire(at(10s)));
  CHECK(record.consecutive_failures() == 0);
}

TEST_CASE("a base above the longest ejection is still served in full") {
  OutlierRecord record;
  record.eject({.base_ejection = 20s, .max_ejection = 5s}, at(0s));
  CHECK(*record.until() == at(20s));
}

TEST_CASE("the endpoint far below the others' success rate is an outlier, those around the mean are not") {
  const std::vector<RateSample> samples = {{0, 200, 0.99}, {1, 200, 0.98}, {2, 200, 0.99}, {3, 200, 0.40}, {4, 200, 0.97}};
  CHECK(success_rate_outliers(samples, {}) == std::vector<std::uint32_t>{3});
}

TEST_CASE("outliers come worst first") {
  std::vector<RateSample> samples;
  for (std::uint32_t i = 0; i < 40; ++i) samples.push_back({i, 200, 1.0});
  samples[7].success_rate = 0.5;
  samples[30].success_rate = 0.2;
  CHECK(success_rate_outliers(samples, {}) == std::vector<std::uint32_t>{30, 7});
}

TEST_CASE("too few endpoints or too few requests give no outliers") {
  const std::vector<RateSample> four = {{0, 200, 1.0}, {1, 200, 1.0}, {2, 200, 1.0}, {3, 200, 0.0}};
  CHECK(success_rate_outliers(four, {}).empty());
  const std::vector<RateSample> quiet = {{0, 99, 1.0}, {1, 99, 1.0}, {2, 99, 1.0}, {3, 99, 1.0}, {4, 99, 0.0}};
  CHECK(success_rate_outliers(quiet, {}).empty());
  CHECK(success_rate_outliers({}, {}).empty());
}

TEST_CASE("endpoints with too few requests are not judged, though the others are") {
  std::vector<RateSample> samples;
  for (std::uint32_t i = 0; i < 10; ++i) samples.push_back({i, 200, 1.0});
  samples[3] = {3, 99, 0.0};
  samples[5].success_rate = 0.1;
  CHECK(success_rate_outliers(samples, {}) == std::vector<std::uint32_t>{5});
}

TEST_CASE("a pool that is equally bad everywhere has no outlier, and factor 0 turns the rule off") {
  std::vector<RateSample> samples;
  for (std::uint32_t i = 0; i < 10; ++i) samples.push_back({i, 200, 0.3});
  CHECK(success_rate_outliers(samples, {}).empty());
  samples[0].success_rate = 0.0;
  CHECK_FALSE(success_rate_outliers(samples, {}).empty());
  CHECK(success_rate_outliers(samples, {.success_rate_stdev_factor = 0}).empty());
}

TEST_CASE("outliers are a minority whatever the rates are") {
  for_each_seed(300, [](Rng& rng) {
    std::vector<RateSample> samples;
    const std::uint64_t size = 5 + rng.below(30);
    for (std::uint32_t i = 0; i < size; ++i) samples.push_back({i, 200, rng.uniform()});
    CHECK(success_rate_outliers(samples, {}).size() * 2 < size);
  });
}

TEST_CASE("a set share of the pool may be ejected, but always at least one endpoint") {
  CHECK(ejected_max({.max_ejected_share = 0.5}, 8) == 4);
  CHECK(ejected_max({.max_ejected_share = 0.5}, 5) == 2);
  CHECK(ejected_max({.max_ejected_share = 0.1}, 4) == 1);
  CHECK(ejected_max({.max_ejected_share = 0.0}, 4) == 1);
}
