#include "evener/core/portable_math.h"

#include <array>
#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <numbers>

namespace evener::portable {
namespace {

constexpr double Infinity = std::numeric_limits<double>::infinity();
constexpr double NaN = std::numeric_limits<double>::quiet_NaN();

// ln 2 in two parts: the first ends in 21 zero bits, so that its products with small whole numbers are exact.
constexpr double Ln2High = 0x1.62e42fee00000p-1, Ln2Low = 0x1.a39ef35793c76p-33;

/// 2^(j/32).
constexpr std::array<double, 32> Roots = {
    0x1.0000000000000p+0, 0x1.059b0d3158574p+0, 0x1.0b5586cf9890fp+0, 0x1.11301d0125b51p+0, 0x1.172b83c7d517bp+0, 0x1.1d4873168b9aap+0,
    0x1.2387a6e756238p+0, 0x1.29e9df51fdee1p+0, 0x1.306fe0a31b715p+0, 0x1.371a7373aa9cbp+0, 0x1.3dea64c123422p+0, 0x1.44e086061892dp+0,
    0x1.4bfdad5362a27p+0, 0x1.5342b569d4f82p+0, 0x1.5ab07dd485429p+0, 0x1.6247eb03a5585p+0, 0x1.6a09e667f3bcdp+0, 0x1.71f75e8ec5f74p+0,
    0x1.7a11473eb0187p+0, 0x1.82589994cce13p+0, 0x1.8ace5422aa0dbp+0, 0x1.93737b0cdc5e5p+0, 0x1.9c49182a3f090p+0, 0x1.a5503b23e255dp+0,
    0x1.ae89f995ad3adp+0, 0x1.b7f76f2fb5e47p+0, 0x1.c199bdd85529cp+0, 0x1.cb720dcef9069p+0, 0x1.d5818dcfba487p+0, 0x1.dfc97337b9b5fp+0,
    0x1.ea4afa2a490dap+0, 0x1.f50765b6e4540p+0};

/// The nearest whole number, for |x| below 2^51.
double nearest(double x) {
  constexpr double Shift = 0x1.8p52;  // beyond it doubles have no fraction
  return x + Shift - Shift;
}

double power_of_two(std::int64_t exponent) { return std::bit_cast<double>(static_cast<std::uint64_t>(exponent + 1023) << 52); }

/// value * 2^exponent, also where the result has a smaller exponent than a normal double.
double scaled(double value, std::int64_t exponent) {
  if (exponent > 1023) return value * 0x1p1023 * power_of_two(exponent - 1023);
  if (exponent < -1022) return value * power_of_two(exponent + 1022) * 0x1p-1022;
  return value * power_of_two(exponent);
}

/// 2^(k/32) * e^r, for |r| up to ln 2 / 64, where Taylor's series is done after six terms.
double assemble(double k, double r) {
  const double series = r + r * r * (1.0 / 2 + r * (1.0 / 6 + r * (1.0 / 24 + r * (1.0 / 120 + r * (1.0 / 720)))));
  const auto step = static_cast<std::int64_t>(k);
  const double root = Roots[static_cast<std::size_t>(step & 31)];
  return scaled(root + root * series, step >> 5);
}

/// sin(2 pi (x + quarters / 4)), for |x| below 2^49. Taylor's series are good to the last place up to an eighth of a turn.
double sine(double x, int quarters) {
  const double nearest_quarter = nearest(x * 4);
  const double r = (x - nearest_quarter / 4) * (2 * std::numbers::pi), z = r * r;
  constexpr double Factorial14 = 87'178'291'200, Factorial13 = 6'227'020'800;
  const bool is_cosine = ((static_cast<std::int64_t>(nearest_quarter) + quarters) & 1) != 0;
  const bool negative = ((static_cast<std::int64_t>(nearest_quarter) + quarters) & 2) != 0;
  double value = 0;
  if (is_cosine) {
    value =
        1 - z * (1.0 / 2 -
                 z * (1.0 / 24 - z * (1.0 / 720 -
                                      z * (1.0 / 40'320 - z * (1.0 / 3'628'800 - z * (1.0 / 479'001'600 -
                                                                                      z * (1 / Factorial14 - z / (Factorial14 * 240))))))));
  } else {
    value =
        r - r * z *
                (1.0 / 6 -
                 z * (1.0 / 120 -
                      z * (1.0 / 5'040 - z * (1.0 / 362'880 - z * (1.0 / 39'916'800 - z * (1 / Factorial13 - z / (Factorial13 * 210)))))));
  }
  return negative ? -value : value;
}

}  // namespace

double exp(double x) {
  if (!(x < 709.79)) return x < Infinity ? Infinity : x;  // not a number stays that
  if (x < -745.2) return 0;
  const double k = nearest(x * (32 / std::numbers::ln2));
  return assemble(k, (x - k * (Ln2High / 32)) - k * (Ln2Low / 32));
}

double exp2(double x) {
  if (!(x < 1024)) return x < Infinity ? Infinity : x;
  if (x < -1075) return 0;
  const double k = nearest(x * 32);
  return assemble(k, (x - k / 32) * std::numbers::ln2);
}

double expm1(double x) {
  if (!(std::abs(x) < 0.7)) return exp(x) - 1;
  double term = x, sum = 0;
  for (int n = 2; n <= 22; ++n) {
    term *= x / n;
    sum += term;
  }
  return x + sum;
}

double log(double x) {
  if (!(x > 0)) return x == 0 ? -Infinity : NaN;
  if (x == Infinity) return x;
  double exponent = 0;
  if (x < std::numeric_limits<double>::min()) {
    x *= 0x1p54;
    exponent = -54;
  }
  // x = m * 2^k with m from the root of a half to the root of two.
  auto bits = std::bit_cast<std::uint64_t>(x);
  constexpr std::uint64_t RootOfHalf = 0x3fe6a09e667f3bcd;
  const std::uint64_t offset = bits - RootOfHalf;
  const std::int64_t k = static_cast<std::int64_t>(offset) >> 52;
  const double m = std::bit_cast<double>(bits - (static_cast<std::uint64_t>(k) << 52));
  exponent += static_cast<double>(k);
  // log(1 + f) = f - f^2/2 + s (f^2/2 + R) with s = f / (2 + f) and R what 2 atanh(s) has beyond 2 s.
  const double f = m - 1, s = f / (2 + f), z = s * s, half = 0.5 * f * f;
  const double rest =
      2 * z *
      (1.0 / 3 +
       z * (1.0 / 5 +
            z * (1.0 / 7 + z * (1.0 / 9 + z * (1.0 / 11 + z * (1.0 / 13 + z * (1.0 / 15 + z * (1.0 / 17 + z * (1.0 / 19 + z / 21)))))))));
  return exponent * Ln2High - ((half - (s * (half + rest) + exponent * Ln2Low)) - f);
}

double log2(double x) {
  const double shift = x > 0 && x < Infinity ? std::floor(log(x) / std::numbers::ln2 + 0.5) : 0;
  const double fraction = scaled(x, -static_cast<std::int64_t>(shift));  // of a power of two exactly 1
  return shift + log(fraction) / std::numbers::ln2;
}

double log1p(double x) {
  const double y = 1 + x;
  if (!(y > 0) || y == Infinity) return log(y);
  return log(y) + (x - (y - 1)) / y;  // what the sum rounded away, times the slope
}

double cos_turns(double x) { return sine(x, 1); }

double sin_turns(double x) { return sine(x, 0); }

}  // namespace evener::portable
