#include "evener/actuators/base64.h"

#include <openssl/evp.h>

#include <algorithm>

namespace evener::actuators {

std::optional<std::string> base64_decoded(std::string_view text) {
  constexpr std::string_view blanks = " \t\r\n";
  text.remove_prefix(std::min(text.find_first_not_of(blanks), text.size()));
  text = text.substr(0, text.find_last_not_of(blanks) + 1);
  if (text.size() % 4 != 0) return std::nullopt;
  // OpenSSL counts padding as bytes, and would take it anywhere.
  const std::string_view digits = text.substr(0, text.find_last_not_of('=') + 1);
  const std::size_t padding = text.size() - digits.size();
  if (padding > 2 || digits.find_first_of("= \t\r\n-") != std::string_view::npos) return std::nullopt;
  std::string out(text.size() / 4 * 3, '\0');
  const int size = EVP_DecodeBlock(reinterpret_cast<unsigned char*>(out.data()), reinterpret_cast<const unsigned char*>(text.data()),
                                   static_cast<int>(text.size()));
  if (size < 0) return std::nullopt;
  out.resize(out.size() - padding);
  return out;
}

std::string base64url(std::string_view bytes) {
  std::string out((bytes.size() + 2) / 3 * 4 + 1, '\0');  // and the zero that OpenSSL puts behind it
  EVP_EncodeBlock(reinterpret_cast<unsigned char*>(out.data()), reinterpret_cast<const unsigned char*>(bytes.data()),
                  static_cast<int>(bytes.size()));
  std::replace(out.begin(), out.end(), '+', '-');
  std::replace(out.begin(), out.end(), '/', '_');
  out.resize((bytes.size() * 4 + 2) / 3);
  return out;
}

}  // namespace evener::actuators
