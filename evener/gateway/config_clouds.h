#pragma once
// The settings of actuators that scale pods and machines through an orchestrator's or a cloud's API, as they are written.

#include <memory>
#include <string>

#include "evener/actuators/actuator.h"
#include "evener/actuators/aws_group.h"
#include "evener/actuators/azure_group.h"
#include "evener/actuators/google_group.h"
#include "evener/actuators/kubernetes_actuator.h"
#include "evener/base/config/schema.h"

namespace evener::gateway {

[[nodiscard]] config::Of<actuators::KubernetesSettings> describe_kubernetes();
[[nodiscard]] config::Of<actuators::AwsSettings> describe_aws();
[[nodiscard]] config::Of<actuators::GoogleSettings> describe_google();
[[nodiscard]] config::Of<actuators::AzureSettings> describe_azure();

[[nodiscard]] std::unique_ptr<actuators::Actuator> make_aws(const actuators::AwsSettings& settings);
[[nodiscard]] std::unique_ptr<actuators::Actuator> make_google(const actuators::GoogleSettings& settings);
[[nodiscard]] std::unique_ptr<actuators::Actuator> make_azure(const actuators::AzureSettings& settings);

}  // namespace evener::gateway
