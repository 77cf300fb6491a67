#pragma once
// The part of a configuration that says what starts and stops the replicas of a pool.

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "evener/actuators/actuator.h"
#include "evener/actuators/exec_settings.h"
#include "evener/actuators/process_settings.h"
#include "evener/actuators/webhook_settings.h"
#include "evener/base/config/schema.h"
#include "evener/gateway/config_clouds.h"

namespace evener::gateway {

enum class ActuatorKind : std::uint8_t { None, Process, Exec, Webhook, Kubernetes, Aws, Google, Azure };

struct ActuatorConfig {
  ActuatorKind kind = ActuatorKind::None;
  Duration observe = std::chrono::seconds(5);  // between two looks at what is there
  actuators::ProcessSettings process;
  actuators::ExecSettings exec;
  actuators::WebhookSettings webhook;
  actuators::KubernetesSettings kubernetes;
  actuators::AwsSettings aws;
  actuators::GoogleSettings google;
  actuators::AzureSettings azure;

  bool operator==(const ActuatorConfig&) const = default;
};

[[nodiscard]] config::Of<ActuatorConfig> describe_actuator();
/// What its kind lacks to run `most` replicas, as a sentence about a field of it ("process", "command"); an empty text when nothing is.
struct ActuatorGap {
  std::vector<std::string> where;
  std::string what;
};
[[nodiscard]] ActuatorGap gap_of(const ActuatorConfig& config, std::uint32_t most);
/// nullptr for None. `most` is the pool's greatest number of replicas.
[[nodiscard]] std::unique_ptr<actuators::Actuator> make_actuator(const std::string& pool, const ActuatorConfig& config, std::uint32_t most);
/// Goes on with the settings `wanted` where that is possible; false where another actuator has to be made.
[[nodiscard]] bool reconfigure(actuators::Actuator& actuator, const ActuatorConfig& was, const ActuatorConfig& wanted, std::uint32_t most);

}  // namespace evener::gateway
