#pragma once
// Rng: seeded chance as a value. xoshiro256** (Blackman and Vigna, 2018) seeded by splitmix64. The standard library's distributions are
// not used, because their output differs between libraries and a recorded run must replay bit for bit.

#include <cstdint>

namespace evener {

/// One step of splitmix64: a bijective mixer of 64 bits, also good for turning counters into hashes.
constexpr std::uint64_t splitmix64(std::uint64_t x) {
  x += 0x9e3779b97f4a7c15ULL;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ULL;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebULL;
  return x ^ (x >> 31);
}

/// Not thread-safe; one per owner.
class Rng {
 public:
  explicit Rng(std::uint64_t seed);

  /// 64 uniform bits.
  std::uint64_t next();
  /// Uniform in [0, bound); bound must be at least 1. Lemire's multiplication, with rejection: exactly uniform.
  std::uint64_t below(std::uint64_t bound);
  /// Uniform in [0, 1), 53 bits.
  double uniform();
  /// Exponential with the given mean (same unit as the mean).
  double exponential(double mean);
  /// Standard normal (Box-Muller, one of the pair).
  double normal();
  /// An independent generator for the named stream; the same (state at seeding, stream) gives the same one, whatever was drawn since.
  [[nodiscard]] Rng fork(std::uint64_t stream) const;

 private:
  std::uint64_t seed_;
  std::uint64_t state_[4];
};

}  // namespace evener
