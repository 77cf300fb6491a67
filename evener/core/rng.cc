#include "evener/core/rng.h"

#include <bit>
#include <cmath>

#include "evener/core/portable_math.h"

namespace evener {

Rng::Rng(std::uint64_t seed) : seed_(seed), state_{} {
  for (std::uint64_t i = 0; i < 4; ++i) state_[i] = splitmix64(seed + i * 0x9e3779b97f4a7c15ULL);
}

std::uint64_t Rng::next() {
  const std::uint64_t result = std::rotl(state_[1] * 5, 7) * 9;
  const std::uint64_t t = state_[1] << 17;
  state_[2] ^= state_[0];
  state_[3] ^= state_[1];
  state_[1] ^= state_[2];
  state_[0] ^= state_[3];
  state_[2] ^= t;
  state_[3] = std::rotl(state_[3], 45);
  return result;
}

std::uint64_t Rng::below(std::uint64_t bound) {
  __extension__ using Wide = unsigned __int128;
  Wide product = static_cast<Wide>(next()) * bound;
  if (static_cast<std::uint64_t>(product) < bound) {
    const std::uint64_t threshold = (0 - bound) % bound;
    while (static_cast<std::uint64_t>(product) < threshold) product = static_cast<Wide>(next()) * bound;
  }
  return static_cast<std::uint64_t>(product >> 64);
}

double Rng::uniform() { return static_cast<double>(next() >> 11) * 0x1.0p-53; }

double Rng::exponential(double mean) { return -mean * portable::log1p(-uniform()); }

double Rng::normal() {
  const double radius = std::sqrt(-2.0 * portable::log1p(-uniform()));
  return radius * portable::cos_turns(uniform());
}

Rng Rng::fork(std::uint64_t stream) const { return Rng(splitmix64(seed_ ^ splitmix64(stream + 1))); }

}  // namespace evener
