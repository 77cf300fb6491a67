#pragma once
// Tokens that are fetched, used until shortly before they end, and fetched again once they were refused. Where they come from is the caller's business.

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "evener/actuators/actuator.h"
#include "evener/actuators/cloud_world.h"
#include "evener/base/secret.h"

namespace evener::actuators {

struct BearerToken {
  Secret token;
  std::int64_t lasts_s = 0;  // from now
};
using FetchToken = std::function<Result<BearerToken, ActuatorError>()>;

/// {"access_token": ..., "expires_in": 3599}; the number may stand in quotes. Nothing if it is something else.
[[nodiscard]] std::optional<BearerToken> read_bearer_token(const std::string& json);
/// Makes the call and reads the token from its answer.
[[nodiscard]] Result<BearerToken, ActuatorError> ask_for_token(const CloudWorld& world, const std::string& what, const HttpCall& call);

/// An API that takes such tokens and answers with JSON, errors as {"error": {"code"|"status", "message"}}. For one thread at a time.
class BearerApi {
 public:
  /// A token that ends so soon is replaced.
  static constexpr std::int64_t RenewBeforeS = 120;

  /// `name` begins every message.
  BearerApi(std::string name, CloudWorld world, FetchToken fetch)
      : name_(std::move(name)), world_(std::move(world)), fetch_(std::move(fetch)) {}

  /// The body of a success.
  [[nodiscard]] Result<std::string, ActuatorError> operator()(const std::string& what, HttpCall call);

 private:
  [[nodiscard]] Result<HttpAnswer, ActuatorError> send(const std::string& what, HttpCall call);

  std::string name_;
  CloudWorld world_;
  FetchToken fetch_;
  Secret token_;
  std::int64_t ends_wall_s_ = 0;
};

}  // namespace evener::actuators
