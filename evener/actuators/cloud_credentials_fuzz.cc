// Any bytes as what clouds and their tools tell of credentials: read or refused, and never half of a key.

#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "evener/actuators/aws_credentials.h"
#include "evener/actuators/base64.h"
#include "evener/actuators/bearer_login.h"
#include "evener/actuators/google_login.h"
#include "evener/actuators/rfc3339.h"

namespace {

void require(bool holds) {
  if (!holds) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace evener::actuators;
  const std::string text(reinterpret_cast<const char*>(data), size);
  if (const auto keys = read_aws_profile(text, "default")) require(!keys->access_key_id.empty() && !keys->secret_access_key.empty());
  if (const auto key = read_google_key(text)) require(!key->email.empty() && !key->private_key.empty() && !key->token_url.empty());
  if (const auto token = read_bearer_token(text)) require(!token->token.empty() && token->lasts_s >= 0);
  if (const auto bytes = base64_decoded(text)) require(bytes->size() <= size);
  // What has five digits for a year is read by nobody.
  if (const auto time_s = read_utc_time(text)) require(*time_s < 253'402'300'800);
  return 0;
}
