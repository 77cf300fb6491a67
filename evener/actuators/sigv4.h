#pragma once
// AWS Signature Version 4, as far as calls with a form in their body need it: the path is "/", there is no query.
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html

#include <cstdint>
#include <string>
#include <string_view>

#include "evener/actuators/http_call.h"
#include "evener/base/secret.h"

namespace evener::actuators {

struct AwsCredentials {
  std::string access_key_id;
  Secret secret_access_key;
  Secret session_token;             // empty for keys that do not end
  std::int64_t expires_wall_s = 0;  // since 1970 UTC; 0 = they do not end
};

struct AwsScope {
  std::string region, service;
};

/// Adds Host, X-Amz-Date, X-Amz-Security-Token and Authorization to the call, whose other headers are signed too.
void sign_aws(HttpCall& call, const AwsCredentials& credentials, const AwsScope& scope, std::int64_t wall_s);

}  // namespace evener::actuators
