#include "evener/actuators/sigv4.h"

#include <algorithm>
#include <ctime>
#include <map>

#include "evener/actuators/digest.h"

namespace evener::actuators {
namespace {

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
  Digest key = hmac_sha256(first.reveal(), day);
  for (const std::string_view part : {std::string_view(scope.region), std::string_view(scope.service), std::string_view("aws4_request")}) {
    key = hmac_sha256(bytes_of(key), part);
  }
  call.headers.push_back(
      {"Authorization", Secret("AWS4-HMAC-SHA256 Credential=" + credentials.access_key_id + "/" + where +
                               ", SignedHeaders=" + signed_names + ", Signature=" + hex(hmac_sha256(bytes_of(key), to_sign)))});
}

}  // namespace evener::actuators
