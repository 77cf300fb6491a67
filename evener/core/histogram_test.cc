#include "evener/core/histogram.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "tests/for_each_seed.h"

using namespace evener;
using namespace std::chrono_literals;

TEST_CASE("an empty histogram answers 0 to everything") {
  const Histogram empty;
  CHECK(empty.count() == 0);
  CHECK(empty.min() == 0);
  CHECK(empty.max() == 0);
  CHECK(empty.mean() == 0.0);
  CHECK(empty.quantile(0.5) == 0);
  CHECK(empty.count_at_most(100) == 0);
}

TEST_CASE("count, mean, least and greatest are exact") {
  Histogram h;
  for (std::uint64_t value : {5u, 1000003u, 17u}) h.record(value);
  CHECK(h.count() == 3);
  CHECK(h.min() == 5);
  CHECK(h.max() == 1000003);
  CHECK(h.mean() == doctest::Approx((5 + 1000003 + 17) / 3.0));
}

TEST_CASE("values below 64 have quantiles without error") {
  Histogram h;
  for (std::uint64_t value = 0; value < 64; ++value) h.record(value);
  CHECK(h.quantile(0.5) == 31);
  CHECK(h.quantile(0.25) == 15);
  CHECK(h.quantile(0.0) == 0);
  CHECK(h.quantile(1.0) == 63);
}

TEST_CASE("every quantile is within 1 % of the true one, over twelve decades") {
  for_each_seed(100, [](Rng& rng) {
    Histogram h;
    std::vector<std::uint64_t> values;
    for (int i = 0; i < 500; ++i) {
      const auto value = static_cast<std::uint64_t>(std::pow(10.0, rng.uniform() * 12));
      values.push_back(value);
      h.record(value);
    }
    std::sort(values.begin(), values.end());
    for (double q : {0.001, 0.01, 0.1, 0.25, 0.5, 0.9, 0.95, 0.99, 0.999}) {
      const auto rank = std::max<std::size_t>(1, static_cast<std::size_t>(std::ceil(q * 500)));
      const double exact = static_cast<double>(values[rank - 1]);
      CHECK(std::abs(static_cast<double>(h.quantile(q)) - exact) <= 0.01 * exact);
    }
  });
}

TEST_CASE("a quantile never leaves the range of what was recorded") {
  Histogram h;
  h.record(1'000'001);
  for (double q : {-1.0, 0.0, 0.5, 0.99, 1.0, 2.0}) CHECK(h.quantile(q) == 1'000'001);
}

TEST_CASE("the greatest 64-bit values are counted within the memory limit") {
  Histogram h;
  h.record(~std::uint64_t{0});
  h.record(~std::uint64_t{0} - 1, 4);
  CHECK(h.count() == 5);
  CHECK(h.max() == ~std::uint64_t{0});
  CHECK(static_cast<double>(h.quantile(0.5)) == doctest::Approx(std::pow(2.0, 64)).epsilon(0.01));
  CHECK(h.mean() == doctest::Approx(std::pow(2.0, 64)));
}

TEST_CASE("merging two histograms equals recording everything in one") {
  for_each_seed(50, [](Rng& rng) {
    Histogram left, right, both;
    for (int i = 0; i < 200; ++i) {
      const std::uint64_t value = rng.next() >> rng.below(64);
      (rng.below(2) == 0 ? left : right).record(value);
      both.record(value);
    }
    left.merge(right);
    CHECK(left.count() == both.count());
    CHECK(left.min() == both.min());
    CHECK(left.max() == both.max());
    CHECK(left.mean() == both.mean());
    for (double q : {0.1, 0.5, 0.99}) CHECK(left.quantile(q) == both.quantile(q));
  });
}

TEST_CASE("merging an empty histogram changes nothing") {
  Histogram h;
  h.record(9);
  h.merge(Histogram());
  CHECK(h.min() == 9);
  CHECK(h.max() == 9);
  CHECK(h.count() == 1);
}

TEST_CASE("count_at_most grows with its bound and ends at the count") {
  for_each_seed(50, [](Rng& rng) {
    Histogram h;
    std::vector<std::uint64_t> values;
    for (int i = 0; i < 300; ++i) {
      values.push_back(rng.below(1'000'000));
      h.record(values.back());
    }
    std::uint64_t before = 0;
    for (std::uint64_t bound = 0; bound <= 1'000'000; bound += 10'000) {
      const std::uint64_t counted = h.count_at_most(bound);
      CHECK(counted >= before);
      before = counted;
      const auto exact = std::count_if(values.begin(), values.end(), [&](auto v) { return v <= bound; });
      const auto generous = std::count_if(values.begin(), values.end(), [&](auto v) { return v <= bound + bound / 64 + 1; });
      CHECK(counted >= static_cast<std::uint64_t>(exact));
      CHECK(counted <= static_cast<std::uint64_t>(generous));
    }
    CHECK(h.count_at_most(1'000'000) == 300);
  });
}

TEST_CASE("durations are recorded in nanoseconds and a negative one as 0") {
  Histogram h;
  h.record(Duration(2us));
  h.record(Duration(-5ms));
  CHECK(h.max() == 2000);
  CHECK(h.min() == 0);
}

TEST_CASE("a cleared histogram is as good as new") {
  Histogram h;
  h.record(77);
  h.clear();
  CHECK(h.count() == 0);
  h.record(3);
  CHECK(h.min() == 3);
  CHECK(h.max() == 3);
}
