#include "evener/actuators/bearer_login.h"

#include <algorithm>
#include <array>
#include <charconv>

#include "evener/actuators/api_error.h"
#include "evener/actuators/json_answer.h"

namespace evener::actuators {
namespace {

constexpr int Unauthorized = 401;

/// {"error": "invalid_grant", "error_description": "..."}, as token servers answer, or {"error": {...}} as APIs do.
std::string words_of(const std::string& body) {
  const auto json = json_object(body);
  if (!json) return {};
  std::string code = text_at(*json, {"error"}), message = text_at(*json, {"error_description"});
  if (code.empty()) code = text_at(*json, {"error", "code"});
  if (code.empty()) code = text_at(*json, {"error", "status"});
  if (message.empty()) message = text_at(*json, {"error", "message"});
  if (code.empty() || message.empty()) return code + message;
  return code + ": " + message;
}

/// Google says with status 403 that its rates were exceeded.
bool is_rate_limit(const std::string& body) {
  constexpr std::array reasons = {"rateLimitExceeded", "userRateLimitExceeded", "quotaExceeded"};
  const auto json = json_object(body);
  if (!json) return false;
  const auto errors = elements_at(*json, {"error", "errors"});
  return std::any_of(errors.begin(), errors.end(), [&](const protocol::JsonValue& error) {
    return std::find(reasons.begin(), reasons.end(), text_at(error, {"reason"})) != reasons.end();
  });
}

}  // namespace

std::optional<BearerToken> read_bearer_token(const std::string& json) {
  const auto answer = json_object(json);
  if (!answer) return std::nullopt;
  std::uint32_t lasts_s = count_at(*answer, {"expires_in"}).value_or(0);
  const std::string quoted = text_at(*answer, {"expires_in"});
  if (!quoted.empty()) std::from_chars(quoted.data(), quoted.data() + quoted.size(), lasts_s);
  BearerToken read{.token = Secret(text_at(*answer, {"access_token"})), .lasts_s = lasts_s};
  if (read.token.empty()) return std::nullopt;
  return read;
}

Result<BearerToken, ActuatorError> ask_for_token(const CloudWorld& world, const std::string& what, const HttpCall& call) {
  const auto answer = world.send(call);
  if (!answer) return tl::unexpected(no_answer(what, answer.error()));
  if (!is_success(*answer)) return tl::unexpected(refused(what, *answer, words_of(answer->body), world.wall_ns));
  auto token = read_bearer_token(answer->body);
  if (!token) return tl::unexpected(not_understood(what, "no access_token"));
  return std::move(*token);
}

Result<HttpAnswer, ActuatorError> BearerApi::send(const std::string& what, HttpCall call) {
  if (token_.empty() || ends_wall_s_ - world_.wall_s() <= RenewBeforeS) {
    auto fetched = fetch_();
    if (!fetched) return tl::unexpected(std::move(fetched.error()));
    token_ = std::move(fetched->token);
    ends_wall_s_ = world_.wall_s() + fetched->lasts_s;
  }
  call.headers.push_back({"Authorization", Secret("Bearer " + token_.reveal())});
  if (!call.body.empty()) call.headers.push_back({"Content-Type", Secret("application/json")});
  auto answer = world_.send(call);
  if (!answer) return tl::unexpected(no_answer(name_ + ": " + what, answer.error()));
  return std::move(*answer);
}

Result<std::string, ActuatorError> BearerApi::operator()(const std::string& what, HttpCall call) {
  auto answer = send(what, call);
  if (answer && answer->status == Unauthorized) {
    token_ = Secret();  // it may have been revoked before its end
    answer = send(what, std::move(call));
  }
  if (!answer) return tl::unexpected(std::move(answer.error()));
  if (is_success(*answer)) return std::move(answer->body);
  if (answer->status == Unauthorized) token_ = Secret();
  ActuatorError error = refused(name_ + ": " + what, *answer, words_of(answer->body), world_.wall_ns);
  if (is_rate_limit(answer->body)) error.may_retry = MayRetry::Yes;
  return tl::unexpected(std::move(error));
}

}  // namespace evener::actuators
