#pragma once
// The transcendental functions that decisions and simulations depend on, made of additions, multiplications, divisions and square roots alone,
// which IEEE 754 rounds the same everywhere. The C library's differ in the last digit between its versions and between processors (it takes other
// code where there is a fused multiply-add), and one digit can send a request elsewhere: then a recording of one machine would not replay on
// another, and equal seeds would not give equal runs. Within 3 units in the last place, a few nanoseconds each.

namespace evener::portable {

[[nodiscard]] double exp(double x);
[[nodiscard]] double exp2(double x);
/// exp(x) - 1, exact near 0, too.
[[nodiscard]] double expm1(double x);
/// Natural logarithm: of 0 minus infinity, of less not a number.
[[nodiscard]] double log(double x);
/// Exact for powers of two.
[[nodiscard]] double log2(double x);
/// log(1 + x), exact near 0, too.
[[nodiscard]] double log1p(double x);
/// cos(2 pi x): x in turns, below 2^49.
[[nodiscard]] double cos_turns(double x);
/// sin(2 pi x), likewise.
[[nodiscard]] double sin_turns(double x);

}  // namespace evener::portable
