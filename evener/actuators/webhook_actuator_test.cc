#include "evener/actuators/webhook_actuator.h"

#include <doctest/doctest.h>

using namespace std::chrono_literals;

namespace evener::actuators {
namespace {

/// A receiver that remembers the last call and answers as it is told.
struct Receiver {
  HttpCall call;
  Result<HttpAnswer> answer = HttpAnswer{.status = 200};

  WebhookActuator actuator(WebhookSettings settings = {}, WebhookSecrets secrets = {}) {
    settings.url = "https://scale.example/hook?token=private";
    return {"chat", std::move(settings), std::move(secrets),
            [this](const HttpCall& its) {
              call = its;
              return answer;
            },
            [] { return std::int64_t{1'700'000'000} * 1'000'000'000 + 5; }};
  }
  [[nodiscard]] std::string header(const std::string& name) const {
    for (const HttpHeader& one : call.headers) {
      if (one.name == name) return one.value.reveal();
    }
    return "";
  }
};

const Wish wish = {.pool = "chat", .replicas = 4, .reason = "2 -> 4: because", .stop_first = {"http://10.0.0.1:8000"}};

}  // namespace

TEST_CASE("a wish is posted as JSON") {
  Receiver receiver;
  auto actuator = receiver.actuator({.headers = {{"X-Team", "ml"}}});
  const auto there = actuator.set(wish);
  REQUIRE(there);
  CHECK(*there == Replicas{.desired = 4});
  CHECK(receiver.call.method == "POST");
  CHECK(receiver.call.body ==
        R"({"schema":"evener.scale/1","pool":"chat","replicas":4,"reason":"2 -> 4: because","stop_first":["http://10.0.0.1:8000"]})");
  CHECK(receiver.header("X-Team") == "ml");
  CHECK(receiver.header("X-Evener-Pool") == "chat");
  CHECK(receiver.header("X-Evener-Signature").empty());
  CHECK(receiver.header("Authorization").empty());
}

TEST_CASE("a wish is signed so that its receiver knows who sent it and when") {
  // echo -n '1700000000.{}' | openssl dgst -sha256 -hmac key
  CHECK(webhook_signature(Secret("key"), 1'700'000'000, "{}") == "sha256=9d713ed406bb7076d4123f0dc2c39d2df5c654ed4b0cd56b52c8b4c940bd63ae");
  Receiver receiver;
  auto actuator = receiver.actuator({}, {.signing = Secret("key"), .api_key = Secret("token")});
  REQUIRE(actuator.set(wish));
  CHECK(receiver.header("X-Evener-Timestamp") == "1700000000");
  CHECK(receiver.header("X-Evener-Signature") == webhook_signature(Secret("key"), 1'700'000'000, receiver.call.body));
  CHECK(receiver.header("Authorization") == "Bearer token");
}

TEST_CASE("nothing is sent unsigned where a signature is wanted") {
  Receiver receiver;
  auto actuator = receiver.actuator({.secret_env = "HOOK_KEY"});
  const auto there = actuator.set(wish);
  REQUIRE(!there);
  CHECK(there.error().message == "the environment variable HOOK_KEY is not set");
  CHECK(receiver.call.url.empty());
}

TEST_CASE("the answer says what is there, now and when it is asked") {
  Receiver receiver;
  receiver.answer = HttpAnswer{.status = 202, .body = R"({"replicas":3,"ready":1,"endpoints":["http://10.0.0.7:80"]})"};
  auto actuator = receiver.actuator({.ask = true});
  CHECK(actuator.observes());
  const Replicas expected{.desired = 3, .ready = 1, .endpoints = {"http://10.0.0.7:80"}};
  CHECK(*actuator.set(wish) == expected);
  CHECK(*actuator.observe() == expected);
  CHECK(receiver.call.method == "GET");
  CHECK(receiver.call.body.empty());
  receiver.answer = HttpAnswer{.status = 200, .body = "<html>log in</html>"};
  CHECK(actuator.observe().error().message.find("no JSON object") != std::string::npos);
}

TEST_CASE("a refusal says whether and when to come again, and no credential") {
  Receiver receiver;
  auto actuator = receiver.actuator();
  receiver.answer = HttpAnswer{.status = 503, .headers = {{"retry-after", "30"}}, .body = "busy"};
  auto there = actuator.set(wish);
  REQUIRE(!there);
  CHECK(there.error().message == "webhook: POST https://scale.example: status 503: busy");
  CHECK(there.error().may_retry == MayRetry::Yes);
  CHECK(there.error().retry_after == Duration(30s));
  receiver.answer = HttpAnswer{.status = 404};
  there = actuator.set(wish);
  CHECK(there.error().may_retry == MayRetry::No);
  CHECK(!there.error().retry_after);
  receiver.answer = HttpAnswer{.status = 200, .body = R"({"replicas":"many"})"};
  CHECK(!actuator.set(wish));
  receiver.answer = fail("POST https://scale.example: no route", Fault::Endpoint, MayRetry::Yes);
  CHECK(actuator.set(wish).error().message == "webhook: POST https://scale.example: no route");
}

}  // namespace evener::actuators
