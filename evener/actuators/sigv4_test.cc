#include "evener/actuators/sigv4.h"

#include <doctest/doctest.h>

#include "evener/actuators/testing/fake_api.h"

namespace evener::actuators {
namespace {

using testing::header_of;

// AWS's published examples: "Signature Version 4 test suite" (aws-sig-v4-test-suite: get-vanilla, post-vanilla, post-x-www-form-urlencoded,
// post-sts-header-before) with its key, date and scope.
constexpr std::int64_t ExampleTime_s = 1'440'938'160;  // 2015-08-30T12:36:00Z
const AwsScope ExampleScope{.region = "us-east-1", .service = "service"};
const AwsCredentials ExampleKeys{.access_key_id = "AKIDEXAMPLE", .secret_access_key = Secret("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY")};

std::string signed_with(const AwsCredentials& keys, HttpCall call) {
  sign_aws(call, keys, ExampleScope, ExampleTime_s);
  return header_of(call, "Authorization");
}

TEST_CASE("requests are signed as in AWS's published examples") {
  const std::string credential = "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, ";
  const std::string url = "https://example.amazonaws.com/";
  CHECK(signed_with(ExampleKeys, {.url = url}) ==
        credential + "SignedHeaders=host;x-amz-date, Signature=5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31");
  CHECK(signed_with(ExampleKeys, {.method = "POST", .url = url}) ==
        credential + "SignedHeaders=host;x-amz-date, Signature=5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b");
  CHECK(signed_with(ExampleKeys, {.method = "POST",
                                  .url = url,
                                  .headers = {{"Content-Type", Secret("application/x-www-form-urlencoded")}},
                                  .body = "Param1=value1"}) ==
        credential +
            "SignedHeaders=content-type;host;x-amz-date, Signature=ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a");
}

TEST_CASE("a session's token is sent and signed") {
  AwsCredentials keys = ExampleKeys;
  keys.session_token = Secret(
      "AQoDYXdzEPT//////////wEXAMPLEtc764bNrC9SAPBSM22wDOk4x4HIZ8j4FZTwdQWLWsKWHGBuFqwAeMicRXmxfpSPfIeoIYRqTflfKD8YUuwthAx7mSEI/"
      "qkPpKPi/kMcGdQrmGdeehM4IC1NtBmUpp2wUE8phUZampKsburEDy0KPkyQDYwT7WZ0wq5VSXDvp75YU9HFvlRd8Tx6q6fE8YQcHNVXAkiY9q6d+"
      "xo0rKwT38xVqr7ZD0u0iPPkUL64lIZbqBAz+scqKmlzm8FDrypNC9Yjc8fPOLn9FX9KSYvKTr4rvx3iSIlTJabIQwj2ICCR/oLxBA==");
  HttpCall call{.method = "POST", .url = "https://example.amazonaws.com/"};
  sign_aws(call, keys, ExampleScope, ExampleTime_s);
  CHECK(header_of(call, "X-Amz-Security-Token") == keys.session_token.reveal());
  CHECK(header_of(call, "Authorization").ends_with("Signature=85d96828115b5dc0cfc3bd16ad9e210dd772bbebba041836c64533a82be05ead"));
}

TEST_CASE("what is signed as the host is what is sent, with its port") {
  HttpCall call{.method = "POST", .url = "http://127.0.0.1:8080/"};
  sign_aws(call, ExampleKeys, ExampleScope, ExampleTime_s);
  CHECK(header_of(call, "Host") == "127.0.0.1:8080");
  CHECK(header_of(call, "X-Amz-Date") == "20150830T123600Z");
}

}  // namespace
}  // namespace evener::actuators
