#include "evener/actuators/digest.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>

namespace evener::actuators {

Digest sha256(std::string_view text) {
  Digest digest{};
  EVP_Digest(text.data(), text.size(), digest.data(), nullptr, EVP_sha256(), nullptr);
  return digest;
}

Digest hmac_sha256(std::string_view key, std::string_view text) {
  Digest digest{};
  HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()), reinterpret_cast<const unsigned char*>(text.data()), text.size(),
       digest.data(), nullptr);
  return digest;
}

std::string hex(const Digest& digest) {
  constexpr std::string_view Digits = "0123456789abcdef";
  std::string out;
  for (const unsigned char byte : digest) out += {Digits[byte >> 4U], Digits[byte & 15U]};
  return out;
}

}  // namespace evener::actuators
