#include "evener/lab/simplex_search.h"

#include <doctest/doctest.h>

#include <cmath>

namespace evener::lab {
namespace {

TEST_CASE("the search finds the low point of a curved valley") {
  const auto valley = [](std::span<const double> at) { return std::pow(1 - at[0], 2) + 100 * std::pow(at[1] - at[0] * at[0], 2); };
  const LowPoint found = search_simplex(valley, {-1.2, 1}, {.evaluations_max = 1000, .tolerance = 1e-12});
  CHECK(found.at[0] == doctest::Approx(1).epsilon(0.01));
  CHECK(found.at[1] == doctest::Approx(1).epsilon(0.01));
}

TEST_CASE("the search keeps to its evaluations but for the step in progress, and never ends higher than it began") {
  std::uint32_t calls = 0;
  const auto steps = [&](std::span<const double> at) {
    ++calls;
    return std::floor(5 * std::abs(at[0])) + std::floor(5 * std::abs(at[1])) + std::floor(5 * std::abs(at[2]));
  };
  const LowPoint found = search_simplex(steps, {3, -2, 1}, {.evaluations_max = 50});
  CHECK(found.value <= 30);
  CHECK(calls == found.evaluations);
  CHECK(calls <= 50 + 3 + 2);
}

}  // namespace
}  // namespace evener::lab
