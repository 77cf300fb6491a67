#include "evener/core/hashing.h"

// Inlined, so that no shared library decides which algorithm a stored hash came from.
#define XXH_INLINE_ALL
#include <xxhash.h>

namespace evener {

std::uint64_t hash64(std::string_view bytes, std::uint64_t seed) { return XXH3_64bits_withSeed(bytes.data(), bytes.size(), seed); }

std::uint64_t hash64(std::span<const std::byte> bytes, std::uint64_t seed) {
  return XXH3_64bits_withSeed(bytes.data(), bytes.size(), seed);
}

}  // namespace evener
