#include "evener/base/hex.h"

#include <doctest/doctest.h>

#include <cstdio>
#include <string>

#include "tests/for_each_seed.h"

namespace {

using namespace evener;

std::string digits_of(std::uint64_t number) {
  const auto digits = hex_digits(number);
  return {digits.begin(), digits.end()};
}

TEST_CASE("a number has sixteen digits, the highest one first") {
  CHECK(digits_of(0) == "0000000000000000");
  CHECK(digits_of(0x0123'4567'89ab'cdef) == "0123456789abcdef");
  CHECK(digits_of(0xfedc'ba98'7654'3210) == "fedcba9876543210");
  CHECK(digits_of(~std::uint64_t{0}) == "ffffffffffffffff");
}

TEST_CASE("any number is written as printf writes it") {
  for_each_seed(1000, [](Rng& rng) {
    const std::uint64_t number = rng.next();
    char expected[17];
    std::snprintf(expected, sizeof expected, "%016llx", static_cast<unsigned long long>(number));
    CHECK(digits_of(number) == expected);
  });
}

}  // namespace
