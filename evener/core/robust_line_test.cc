#include "evener/core/robust_line.h"

#include <doctest/doctest.h>

#include <cmath>

#include "tests/for_each_seed.h"

using namespace evener;

namespace {

constexpr double Memory = 100;

double line(double x) { return 0.1 + 0.001 * x; }

/// Learned from so many samples of line(), each off by a few per cent.
RobustLine learned(int samples, Rng& rng) {
  RobustLine one(Memory);
  for (int i = 0; i < samples; ++i) {
    const double x = static_cast<double>(rng.below(2000));
    one.add(x, line(x) * (0.97 + 0.06 * rng.uniform()));
  }
  return one;
}

}  // namespace

TEST_CASE("a line is found from two points and holds beyond them") {
  RobustLine one(Memory);
  CHECK(one.empty());
  one.add(100, 0.2);
  CHECK(one.at(5000) == doctest::Approx(0.2));  // one sample says nothing of the slope
  one.add(300, 0.4);
  CHECK(one.base() == doctest::Approx(0.1));
  CHECK(one.slope() == doctest::Approx(0.001));
  CHECK(one.at(5000) == doctest::Approx(5.1));
  CHECK(one.samples() == 2);
}

TEST_CASE("samples of one length alone give their mean") {
  RobustLine one(Memory);
  for (int i = 0; i < 7; ++i) one.add(500, i % 2 == 0 ? 1 : 3);
  CHECK(one.slope() == 0);
  CHECK(one.base() == doctest::Approx(13.0 / 7).epsilon(0.02));  // later ones count a little more
}

TEST_CASE("with a prior one sample makes a line through the origin, and samples that differ in x bring it to where they lie") {
  RobustLine one(Memory, 2);
  one.add(200, 0.3);
  CHECK(one.base() == doctest::Approx(0));
  CHECK(one.at(400) == doctest::Approx(0.6));
  for (int i = 0; i < 7; ++i) one.add(200, 0.3);
  CHECK(one.at(400) == doctest::Approx(0.6));  // the same again teaches nothing of the slope
  for (int i = 0; i < 100; ++i) one.add(100 * (i % 20), line(100 * (i % 20)));
  CHECK(one.base() == doctest::Approx(0.1).epsilon(0.5));
  CHECK(one.at(950) == doctest::Approx(line(950)).epsilon(0.02));
  CHECK(one.at(3000) == doctest::Approx(line(3000)).epsilon(0.05));
}

TEST_CASE("noise of a few per cent leaves base and slope within a tenth") {
  for_each_seed(100, [](Rng& rng) {
    const RobustLine one = learned(200, rng);
    CHECK(one.at(0) == doctest::Approx(0.1).epsilon(0.2));
    CHECK(one.at(1000) == doctest::Approx(1.1).epsilon(0.02));
    CHECK(one.at(4000) == doctest::Approx(4.1).epsilon(0.05));
  });
}

TEST_CASE("a hiccup of a hundred times the usual moves nothing by more than a hundredth") {
  for_each_seed(100, [](Rng& rng) {
    RobustLine one = learned(200, rng);
    const double before = one.at(1000);
    one.add(1000, 100 * line(1000));
    CHECK(one.at(1000) == doctest::Approx(before).epsilon(0.01));
  });
}

TEST_CASE("hiccups on both sides are no change, however many") {
  for_each_seed(50, [](Rng& rng) {
    RobustLine one = learned(200, rng);
    for (int i = 0; i < 60; ++i) {
      const double x = static_cast<double>(rng.below(2000));
      one.add(x, i % 2 == 0 ? line(x) * 3 : line(x) / 3);
    }
    CHECK(one.at(1000) == doctest::Approx(1.1).epsilon(0.3));
  });
}

TEST_CASE("an endpoint that became four times as slow, or as fast, is known for it within 30 samples") {
  for (const double factor : {4.0, 0.25}) {
    CAPTURE(factor);
    for_each_seed(50, [&](Rng& rng) {
      RobustLine one = learned(500, rng);
      for (int i = 0; i < 30; ++i) {
        const double x = static_cast<double>(rng.below(2000));
        one.add(x, line(x) * factor);
      }
      CHECK(one.at(1000) == doctest::Approx(1.1 * factor).epsilon(0.25));
    });
  }
}

TEST_CASE("a slow drift is followed") {
  for_each_seed(20, [](Rng& rng) {
    RobustLine one = learned(200, rng);
    for (int i = 0; i < 1000; ++i) {
      const double x = static_cast<double>(rng.below(2000));
      one.add(x, line(x) * (1 + i / 1000.0));
    }
    CHECK(one.at(1000) == doctest::Approx(2.2).epsilon(0.1));
  });
}

TEST_CASE("times never come out below zero or beyond all numbers, whatever is measured") {
  for_each_seed(200, [](Rng& rng) {
    RobustLine one(2 + rng.uniform() * 200, rng.below(2) == 0 ? 0 : rng.uniform() * 10);
    for (int i = 0; i < 300; ++i) {
      const double x = rng.below(4) == 0 ? 0 : std::exp(rng.uniform() * 14);
      const double y = rng.below(4) == 0 ? 0 : std::exp(rng.uniform() * 20 - 10);
      one.add(x, y);
      REQUIRE(one.base() >= 0);
      REQUIRE(one.slope() >= 0);
      REQUIRE(std::isfinite(one.at(1e6)));
    }
  });
}
