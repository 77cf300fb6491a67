#pragma once
// Who we are towards AWS, looked for where its own tools look, in their order: the environment, the shared file, what a container is told, what the
// instance is told (IMDSv2). https://docs.aws.amazon.com/sdkref/latest/guide/standardized-credentials.html

#include <optional>
#include <string>
#include <string_view>

#include "evener/actuators/actuator.h"
#include "evener/actuators/cloud_world.h"
#include "evener/actuators/sigv4.h"

namespace evener::actuators {

inline constexpr std::size_t AwsFileBytesMax = 1U << 20;

/// The keys of one profile in the text of a shared credentials file; nothing if it has none.
[[nodiscard]] std::optional<AwsCredentials> read_aws_profile(std::string_view text, std::string_view profile);

/// Keeps what it found until shortly before it ends. For one thread at a time.
class AwsLogin {
 public:
  /// Credentials that end so soon are replaced.
  static constexpr std::int64_t RenewBeforeS = 300;

  explicit AwsLogin(CloudWorld world) : world_(std::move(world)) {}

  [[nodiscard]] Result<AwsCredentials, ActuatorError> credentials();
  /// After they were refused.
  void forget() { known_.reset(); }

 private:
  using Found = Result<std::optional<AwsCredentials>, ActuatorError>;
  [[nodiscard]] Found from_environment() const;
  [[nodiscard]] Found from_file() const;
  [[nodiscard]] Found from_container() const;
  [[nodiscard]] Found from_instance() const;
  [[nodiscard]] Result<HttpAnswer, ActuatorError> ask(const std::string& what, const HttpCall& call) const;

  CloudWorld world_;
  std::optional<AwsCredentials> known_;
};

}  // namespace evener::actuators
