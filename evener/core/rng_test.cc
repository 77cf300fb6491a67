#include "evener/core/rng.h"

#include <doctest/doctest.h>

#include <array>
#include <cmath>

#include "tests/for_each_seed.h"

using namespace evener;

TEST_CASE("equal seeds give equal sequences, other seeds other ones") {
  Rng a(42), b(42), c(43);
  bool differs = false;
  for (int i = 0; i < 100; ++i) {
    const std::uint64_t drawn = a.next();
    CHECK(drawn == b.next());
    differs = differs || drawn != c.next();
  }
  CHECK(differs);
}

TEST_CASE("the sequence of a seed never changes, because recorded runs are replayed with it") {
  Rng rng(1);
  CHECK(rng.next() == 12966619160104079557ULL);
  CHECK(rng.next() == 9600361134598540522ULL);
}

TEST_CASE("below stays below its bound and reaches every value") {
  for_each_seed(50, [](Rng& rng) {
    std::array<int, 7> seen{};
    for (int i = 0; i < 500; ++i) ++seen.at(rng.below(7));
    for (int count : seen) CHECK(count > 0);
    CHECK(rng.below(1) == 0);
  });
}

TEST_CASE("below is uniform") {
  Rng rng(5);
  std::array<int, 10> seen{};
  for (int i = 0; i < 100000; ++i) ++seen.at(rng.below(10));
  for (int count : seen) CHECK(count == doctest::Approx(10000).epsilon(0.05));
}

TEST_CASE("uniform stays at 0 or above and below 1, with mean one half") {
  Rng rng(6);
  double sum = 0;
  for (int i = 0; i < 100000; ++i) {
    const double drawn = rng.uniform();
    REQUIRE(drawn >= 0);
    REQUIRE(drawn < 1);
    sum += drawn;
  }
  CHECK(sum / 100000 == doctest::Approx(0.5).epsilon(0.01));
}

TEST_CASE("exponential has the mean that was asked for, normal has mean 0 and deviation 1") {
  Rng rng(7);
  double sum = 0, normal_sum = 0, normal_squares = 0;
  for (int i = 0; i < 200000; ++i) {
    sum += rng.exponential(3.0);
    const double drawn = rng.normal();
    normal_sum += drawn;
    normal_squares += drawn * drawn;
  }
  CHECK(sum / 200000 == doctest::Approx(3.0).epsilon(0.02));
  CHECK(std::abs(normal_sum / 200000) < 0.02);
  CHECK(normal_squares / 200000 == doctest::Approx(1.0).epsilon(0.02));
}

TEST_CASE("a fork depends on the seed and the stream only, not on what was drawn before") {
  Rng fresh(9), used(9);
  for (int i = 0; i < 10; ++i) (void)used.next();
  CHECK(fresh.fork(3).next() == used.fork(3).next());
  CHECK(fresh.fork(3).next() != fresh.fork(4).next());
}
