#include "evener/core/hashing.h"

#include <doctest/doctest.h>

#include <array>
#include <bit>
#include <string>
#include <unordered_set>

#include "tests/for_each_seed.h"

using namespace evener;

TEST_CASE("the hash of known bytes is the one that XXH3 publishes, so stored hashes stay valid") {
  CHECK(hash64("") == 0x2d06800538d394c2ULL);   // XXH3's test vector for the empty input, seed 0
  CHECK(hash64("", 1) != hash64("", 0));
}

TEST_CASE("bytes and text with the same content hash alike") {
  const std::array<std::byte, 3> bytes = {std::byte{'a'}, std::byte{'b'}, std::byte{'c'}};
  CHECK(hash64(std::span<const std::byte>(bytes), 7) == hash64("abc", 7));
}

TEST_CASE("ten thousand session names give ten thousand hashes") {
  std::unordered_set<std::uint64_t> seen;
  for (int i = 0; i < 10000; ++i) seen.insert(hash64("session-" + std::to_string(i)));
  CHECK(seen.size() == 10000);
}

TEST_CASE("combine depends on the order and on both inputs") {
  CHECK(hash_combine(1, 2) != hash_combine(2, 1));
  CHECK(hash_combine(1, 2) != hash_combine(1, 3));
  CHECK(hash_combine(0, 0) != 0);
}

TEST_CASE("flipping one input bit of combine flips about half of the output bits") {
  double flipped = 0;
  int trials = 0;
  for_each_seed(200, [&](Rng& rng) {
    const std::uint64_t a = rng.next(), b = rng.next();
    const std::uint64_t bit = std::uint64_t{1} << rng.below(64);
    flipped += std::popcount(hash_combine(a, b) ^ hash_combine(a ^ bit, b));
    flipped += std::popcount(hash_combine(a, b) ^ hash_combine(a, b ^ bit));
    trials += 2;
  });
  CHECK(flipped / trials == doctest::Approx(32).epsilon(0.05));
}

TEST_CASE("a hash as a unit number is never 0 and never 1") {
  CHECK(hash_to_unit(0) > 0);
  CHECK(hash_to_unit(~std::uint64_t{0}) < 1);
}
