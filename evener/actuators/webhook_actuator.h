#pragma once
// A webhook as actuator: the wish is POSTed as JSON to a URL of the operator's, signed where there is a secret. Its answer may say what is
// there. For whatever nobody has written an actuator for.

#include <cstdint>
#include <optional>
#include <string>

#include "evener/actuators/actuator.h"
#include "evener/actuators/http_call.h"
#include "evener/actuators/replicas_said.h"
#include "evener/actuators/webhook_settings.h"
#include "evener/base/secret.h"

namespace evener::actuators {

/// As found in the environment.
struct WebhookSecrets {
  Secret signing, api_key;  // empty = none
};

/// Value of the header X-Evener-Signature: "sha256=" and HMAC-SHA256 of "TIMESTAMP.BODY", in hexadecimal. The timestamp is that of
/// X-Evener-Timestamp, in seconds since 1970, so that a receiver can refuse what is old.
[[nodiscard]] std::string webhook_signature(const Secret& key, std::int64_t timestamp, const std::string& body);

class WebhookActuator final : public Actuator {
 public:
  using Clock = std::int64_t (*)();  // nanoseconds since 1970

  WebhookActuator(std::string pool, WebhookSettings settings, WebhookSecrets secrets, HttpSend send, Clock clock);

  [[nodiscard]] std::string_view kind() const override { return "webhook"; }
  [[nodiscard]] bool observes() const override { return settings_.ask; }
  [[nodiscard]] Result<Replicas, ActuatorError> observe() override;
  [[nodiscard]] Result<Replicas, ActuatorError> set(const Wish& wish) override;

 private:
  [[nodiscard]] Result<ReplicasSaid, ActuatorError> ask(HttpCall call);

  std::string pool_;
  WebhookSettings settings_;
  WebhookSecrets secrets_;
  HttpSend send_;
  Clock clock_;
  std::optional<std::uint32_t> asked_;  // by the latest wish that was accepted
};

}  // namespace evener::actuators
