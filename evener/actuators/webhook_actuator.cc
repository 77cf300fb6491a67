#include "evener/actuators/webhook_actuator.h"

#include <utility>

#include "evener/actuators/api_error.h"
#include "evener/actuators/digest.h"
#include "evener/actuators/replicas_json.h"
#include "evener/base/json_writer.h"

namespace evener::actuators {
namespace {

constexpr std::int64_t NanosPerSecond = 1'000'000'000;

std::string wish_json(const Wish& wish) {
  std::string out;
  JsonWriter json(out);
  json.begin_object()
      .member("schema", "evener.scale/1")
      .member("pool", wish.pool)
      .member("replicas", wish.replicas)
      .member("reason", wish.reason);
  json.key("stop_first").begin_array();
  for (const std::string& url : wish.stop_first) json.value(url);
  json.end_array().end_object();
  return out;
}

}  // namespace

std::string webhook_signature(const Secret& key, std::int64_t timestamp, const std::string& body) {
  return "sha256=" + hex(hmac_sha256(key.reveal(), std::to_string(timestamp) + "." + body));
}

WebhookActuator::WebhookActuator(std::string pool, WebhookSettings settings, WebhookSecrets secrets, HttpSend send, Clock clock)
    : pool_(std::move(pool)), settings_(std::move(settings)), secrets_(std::move(secrets)), send_(std::move(send)), clock_(clock) {}

Result<Replicas, ActuatorError> WebhookActuator::observe() {
  if (!observes()) return ReplicasSaid{}.with(asked_);
  const auto said = ask({.method = "GET", .url = settings_.url});
  if (!said) return tl::unexpected(said.error());
  return said->with(asked_);
}

Result<Replicas, ActuatorError> WebhookActuator::set(const Wish& wish) {
  const auto said =
      ask({.method = "POST", .url = settings_.url, .headers = {{"Content-Type", Secret("application/json")}}, .body = wish_json(wish)});
  if (!said) return tl::unexpected(said.error());
  asked_ = wish.replicas;
  return said->with(asked_);
}

Result<ReplicasSaid, ActuatorError> WebhookActuator::ask(HttpCall call) {
  for (const auto& [variable, secret] :
       {std::pair(&settings_.secret_env, &secrets_.signing), std::pair(&settings_.api_key_env, &secrets_.api_key)}) {
    if (variable->empty() || !secret->empty()) continue;
    return tl::unexpected(ActuatorError{.message = "the environment variable " + *variable + " is not set", .may_retry = MayRetry::No});
  }
  for (const auto& [name, value] : settings_.headers) call.headers.push_back({name, Secret(value)});
  call.headers.push_back({"X-Evener-Pool", Secret(pool_)});
  if (!secrets_.api_key.empty()) call.headers.push_back({"Authorization", Secret("Bearer " + secrets_.api_key.reveal())});
  if (!secrets_.signing.empty()) {
    const std::int64_t timestamp = clock_() / NanosPerSecond;
    call.headers.push_back({"X-Evener-Timestamp", Secret(std::to_string(timestamp))});
    call.headers.push_back({"X-Evener-Signature", Secret(webhook_signature(secrets_.signing, timestamp, call.body))});
  }
  const auto answer = send_(call);
  if (!answer) return tl::unexpected(no_answer("webhook", answer.error()));
  const std::string what = "webhook: " + call.method + " " + shown_origin(settings_.url);
  if (!is_success(*answer)) return tl::unexpected(refused(what, *answer, answer->body, clock_));
  auto said = read_replicas_json(answer->body, call.method == "GET" ? Silence::Refused : Silence::Allowed);
  if (!said) return tl::unexpected(ActuatorError{.message = what + ": " + said.error()});
  return std::move(*said);
}

}  // namespace evener::actuators
