#pragma once
// A number as 16 hexadecimal digits, as the ids of requests, traces and spans are written.

#include <array>
#include <cstddef>
#include <cstdint>

namespace evener {

/// Lower case, the highest digit first. Eight digits at a time, because every request makes several such ids.
[[nodiscard]] inline std::array<char, 16> hex_digits(std::uint64_t number) {
  const auto eight_digits = [](std::uint32_t bits) {
    // Each nibble gets a byte of its own, the highest one the highest byte.
    std::uint64_t nibbles = bits;
    nibbles = (nibbles | nibbles << 16) & 0x0000'ffff'0000'ffffU;
    nibbles = (nibbles | nibbles << 8) & 0x00ff'00ff'00ff'00ffU;
    nibbles = (nibbles | nibbles << 4) & 0x0f0f'0f0f'0f0f'0f0fU;
    // Six more makes bit 4 of all from ten on; their letters stand that much above where digits would go on.
    const std::uint64_t is_letter = ((nibbles + 0x0606'0606'0606'0606U) >> 4) & 0x0101'0101'0101'0101U;
    return nibbles + 0x3030'3030'3030'3030U + is_letter * ('a' - '0' - 10);
  };
  const std::uint64_t high = eight_digits(static_cast<std::uint32_t>(number >> 32)), low = eight_digits(static_cast<std::uint32_t>(number));
  std::array<char, 16> out;  // NOLINT: filled below
  for (std::size_t i = 0; i < 8; ++i) {
    out[i] = static_cast<char>(high >> (56 - 8 * i) & 0xff);
    out[8 + i] = static_cast<char>(low >> (56 - 8 * i) & 0xff);
  }
  return out;
}

}  // namespace evener
