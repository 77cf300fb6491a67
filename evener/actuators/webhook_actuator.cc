#include "evener/actuators/webhook_actuator.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <array>
#include <charconv>
#include <optional>
#include <utility>

#include "evener/actuators/replicas_json.h"
#include "evener/base/json_writer.h"

namespace evener::actuators {
namespace {

constexpr std::int64_t NanosPerSecond = 1'000'000'000;
constexpr std::size_t ErrorTextMax = 200;  // of an answer, in a message

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

/// In seconds; dates are not read.
std::optional<Duration> retry_after(const HttpAnswer& answer) {
  const std::string_view text = answer.header("retry-after");
  std::uint32_t wait_s = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), wait_s);
  if (text.empty() || error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return std::chrono::seconds(wait_s);
}

ActuatorError refused(const std::string& url, const HttpAnswer& answer) {
  const bool passing = answer.status >= 500 || answer.status == 408 || answer.status == 429;
  std::string text = shown_origin(url) + " answered " + std::to_string(answer.status);
  if (!answer.body.empty()) text += ": " + answer.body.substr(0, ErrorTextMax);
  return {.message = std::move(text), .may_retry = passing ? MayRetry::Yes : MayRetry::No, .retry_after = retry_after(answer)};
}

}  // namespace

std::string webhook_signature(const Secret& key, std::int64_t timestamp, const std::string& body) {
  const std::string text = std::to_string(timestamp) + "." + body;
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned size = 0;
  ::HMAC(::EVP_sha256(), key.reveal().data(), static_cast<int>(key.reveal().size()), reinterpret_cast<const unsigned char*>(text.data()),
         text.size(), digest.data(), &size);
  constexpr std::string_view Digits = "0123456789abcdef";
  std::string out = "sha256=";
  for (unsigned i = 0; i < size; ++i) {
    out += Digits[digest[i] >> 4];
    out += Digits[digest[i] & 15];
  }
  return out;
}

WebhookActuator::WebhookActuator(std::string pool, WebhookSettings settings, WebhookSecrets secrets, HttpSend send, Clock clock)
    : pool_(std::move(pool)),
      settings_(std::move(settings)),
      secrets_(std::move(secrets)),
      send_(std::move(send)),
      clock_(std::move(clock)) {}

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
  if (!answer) return tl::unexpected(ActuatorError{.message = answer.error().message, .may_retry = answer.error().may_retry});
  if (answer->status < 200 || answer->status > 299) return tl::unexpected(refused(settings_.url, *answer));
  auto said = read_replicas_json(answer->body, call.method == "GET" ? Silence::Refused : Silence::Allowed);
  if (!said) return tl::unexpected(ActuatorError{.message = shown_origin(settings_.url) + ": " + said.error()});
  return std::move(*said);
}

}  // namespace evener::actuators
