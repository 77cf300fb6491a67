#include "evener/actuators/sigv4.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <algorithm>
#include <array>
#include <ctime>
#include <map>

namespace evener::actuators {
namespace {

using Digest = std::array<unsigned char, 32>;

std::string hex(const Digest& digest) {
  constexpr std::string_view digits = "0123456789abcdef";
  std::string out;
  for (const unsigned char byte : digest) out += {digits[byte >> 4U], digits[byte & 15U]};
  return out;
}

Digest sha256(std::string_view text) {
  Digest digest{};
  EVP_Digest(text.data(), text.size(), digest.data(), nullptr, EVP_sha256(), nullptr);
  return digest;
}

Digest hmac(std::string_view key, std::string_view text) {
  Digest digest{};
  HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()), reinterpret_cast<const unsigned char*>(text.data()), text.size(),
       digest.data(), nullptr);
  return digest;
}

std::string_view bytes(const Digest& digest) { return {reinterpret_cast<const char*>(digest.data()), digest.size()}; }

/// 20150830T123600Z
std::string time_text(std::int64_t wall_s) {
  const std::time_t time = wall_s;
  std::tm utc{};
  ::gmtime_r(&time, &utc);
  char text[32];
  return {text, std::strftime(text, sizeof text, "%Y%m%dT%H%M%SZ", &utc)};
}

std::string lower(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(), [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  return text;
}

std::string host_of(const std::string& url) {
  const std::size_t begin = url.find("://") + 3;
  return url.substr(begin, url.find('/', begin) - begin);
}

}  // namespace

void sign_aws(HttpCall& call, const AwsCredentials& credentials, const AwsScope& scope, std::int64_t wall_s) {
  const std::string time = time_text(wall_s), day = time.substr(0, 8);
  call.headers.push_back({"Host", Secret(host_of(call.url))});
  call.headers.push_back({"X-Amz-Date", Secret(time)});
  if (!credentials.session_token.empty()) call.headers.push_back({"X-Amz-Security-Token", credentials.session_token});

  std::map<std::string, std::string> headers;
  for (const HttpHeader& header : call.headers) headers[lower(header.name)] = header.value.reveal();
  std::string canonical_headers, signed_names;
  for (const auto& [name, value] : headers) {
    canonical_headers += name + ":" + value + "\n";
    signed_names += (signed_names.empty() ? "" : ";") + name;
  }
  const std::string canonical = call.method + "\n/\n\n" + canonical_headers + "\n" + signed_names + "\n" + hex(sha256(call.body));
  const std::string where = day + "/" + scope.region + "/" + scope.service + "/aws4_request";
  const std::string to_sign = "AWS4-HMAC-SHA256\n" + time + "\n" + where + "\n" + hex(sha256(canonical));

  const Secret first("AWS4" + credentials.secret_access_key.reveal());
  Digest key = hmac(first.reveal(), day);
  for (const std::string_view part : {std::string_view(scope.region), std::string_view(scope.service), std::string_view("aws4_request")}) {
    key = hmac(bytes(key), part);
  }
  call.headers.push_back({"Authorization", Secret("AWS4-HMAC-SHA256 Credential=" + credentials.access_key_id + "/" + where +
                                                  ", SignedHeaders=" + signed_names + ", Signature=" + hex(hmac(bytes(key), to_sign)))});
}

}  // namespace evener::actuators
