#pragma once
// SHA-256 and its HMAC (RFC 2104), which calls are signed with.

#include <array>
#include <string>
#include <string_view>

namespace evener::actuators {

using Digest = std::array<unsigned char, 32>;

[[nodiscard]] Digest sha256(std::string_view text);
[[nodiscard]] Digest hmac_sha256(std::string_view key, std::string_view text);

/// As 64 small hexadecimal digits.
[[nodiscard]] std::string hex(const Digest& digest);
/// As it is, to be the key of another one.
[[nodiscard]] inline std::string_view bytes_of(const Digest& digest) {
  return {reinterpret_cast<const char*>(digest.data()), digest.size()};
}

}  // namespace evener::actuators
