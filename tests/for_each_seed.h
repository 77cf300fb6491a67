#pragma once
// Property tests: run a claim under many seeds; doctest prints the seed of the one that broke.

#include <doctest/doctest.h>

#include <cstdint>

#include "evener/core/rng.h"

namespace evener {

template <class Claim>
void for_each_seed(std::uint64_t seeds, Claim claim) {
  for (std::uint64_t seed = 1; seed <= seeds; ++seed) {
    CAPTURE(seed);
    Rng rng(seed);
    claim(rng);
  }
}

}  // namespace evener
