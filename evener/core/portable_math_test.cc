#include "evener/core/portable_math.h"

#include <doctest/doctest.h>

#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <numbers>

#include "evener/core/hashing.h"
#include "tests/for_each_seed.h"

namespace evener {
namespace {

constexpr double Infinity = std::numeric_limits<double>::infinity();

/// Units in the last place between a result and the true value, which the library's long doubles stand for.
double error_ulps(double result, long double exact) {
  const auto rounded = static_cast<double>(exact);
  const double ulp = std::nextafter(std::abs(rounded), Infinity) - std::abs(rounded);
  return static_cast<double>(std::abs(static_cast<long double>(result) - exact) / static_cast<long double>(ulp));
}

TEST_CASE("portable functions are within three units in the last place of the true values") {
  for_each_seed(20'000, [](Rng& rng) {
    const double wide = (rng.uniform() - 0.5) * 1400;
    const double narrow = (rng.uniform() - 0.5) * 2;
    const double positive = portable::exp((rng.uniform() - 0.5) * 1400);
    CHECK(error_ulps(portable::exp(wide), std::exp(static_cast<long double>(wide))) < 2);
    CHECK(error_ulps(portable::exp(narrow), std::exp(static_cast<long double>(narrow))) < 2);
    CHECK(error_ulps(portable::exp2(wide), std::exp2(static_cast<long double>(wide))) < 2);
    CHECK(error_ulps(portable::log(positive), std::log(static_cast<long double>(positive))) < 2);
    const double near_one = 1 + narrow / 4;
    CHECK(error_ulps(portable::log(near_one), std::log(static_cast<long double>(near_one))) < 2);
    CHECK(error_ulps(portable::log1p(narrow / 2), std::log1p(static_cast<long double>(narrow / 2))) < 2);
    CHECK(error_ulps(portable::log1p(narrow * 1e-9), std::log1p(static_cast<long double>(narrow * 1e-9))) < 2);
    CHECK(error_ulps(portable::expm1(narrow), std::expm1(static_cast<long double>(narrow))) < 3);
    CHECK(error_ulps(portable::expm1(narrow * 1e-9), std::expm1(static_cast<long double>(narrow * 1e-9))) < 2);
    CHECK(error_ulps(portable::log2(positive), std::log2(static_cast<long double>(positive))) < 3);
    // Beside a zero the relative error means nothing.
    const long double angle = 2 * std::numbers::pi_v<long double> * static_cast<long double>(narrow);
    CHECK(std::abs(static_cast<long double>(portable::cos_turns(narrow)) - std::cos(angle)) < 3e-16L);
    CHECK(std::abs(static_cast<long double>(portable::sin_turns(narrow)) - std::sin(angle)) < 3e-16L);
  });
}

TEST_CASE("portable functions are exact where people expect it, and sane at the edges") {
  CHECK(portable::exp(0) == 1);
  CHECK(portable::exp(1000) == Infinity);
  CHECK(portable::exp(-1000) == 0);
  CHECK(portable::exp(-740) > 0);
  CHECK(portable::exp(Infinity) == Infinity);
  CHECK(portable::exp(-Infinity) == 0);
  CHECK(std::isnan(portable::exp(std::nan(""))));
  CHECK(portable::log(1) == 0);
  CHECK(portable::log(0) == -Infinity);
  CHECK(std::isnan(portable::log(-1)));
  CHECK(portable::log(Infinity) == Infinity);
  CHECK(portable::log1p(-1) == -Infinity);
  CHECK(portable::log1p(0) == 0);
  CHECK(portable::expm1(0) == 0);
  for (int exponent = -1074; exponent <= 1023; ++exponent) {
    CHECK(portable::log2(std::ldexp(1.0, exponent)) == exponent);
    CHECK(portable::exp2(exponent) == std::ldexp(1.0, exponent));
  }
  CHECK(portable::cos_turns(0) == 1);
  CHECK(portable::cos_turns(0.25) == 0);
  CHECK(portable::cos_turns(0.5) == -1);
  CHECK(portable::sin_turns(0.25) == 1);
}

TEST_CASE("portable functions give the same bits on every machine") {
  std::uint64_t digest = 0;
  const auto add = [&](double value) { digest = hash_combine(digest, std::bit_cast<std::uint64_t>(value)); };
  Rng rng(1);
  for (int i = 0; i < 100'000; ++i) {
    const double x = rng.uniform();
    for (const double value : {portable::exp(40 * x - 20), portable::exp2(40 * x - 20), portable::expm1(x - 0.5), portable::log(x + 1e-300),
                               portable::log2(1e6 * x + 1), portable::log1p(-x), portable::cos_turns(x), portable::sin_turns(x)}) {
      add(value);
    }
  }
  CHECK(digest == 16712964483544773149ULL);
}

}  // namespace
}  // namespace evener
