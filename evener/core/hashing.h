#pragma once
// Hashing of bytes and of numbers: XXH3 for strings, splitmix64 for mixing words. The results are the same on every machine and in every
// run, so they may be written to files and compared between gateways. Not for secrets: nothing here resists an attacker who picks keys.

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "evener/core/rng.h"

namespace evener {

/// XXH3, 64 bits, with a seed. About 20 bytes per nanosecond on long inputs.
[[nodiscard]] std::uint64_t hash64(std::string_view bytes, std::uint64_t seed = 0);
[[nodiscard]] std::uint64_t hash64(std::span<const std::byte> bytes, std::uint64_t seed = 0);

/// One hash of two; the order matters: combine(a, b) and combine(b, a) differ.
[[nodiscard]] constexpr std::uint64_t hash_combine(std::uint64_t first, std::uint64_t second) {
  return splitmix64(splitmix64(first) ^ (second + 0x632be59bd9b4e019ULL));
}

/// A hash as a number in the open interval (0, 1): never 0, so that its logarithm is finite.
[[nodiscard]] constexpr double hash_to_unit(std::uint64_t hash) { return (static_cast<double>(hash >> 12) + 0.5) * 0x1.0p-52; }

}  // namespace evener
