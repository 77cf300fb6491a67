#pragma once
// An Auto Scaling group of AWS. Where its instances are is asked of EC2, which a scaling group does not tell.
// https://docs.aws.amazon.com/autoscaling/ec2/APIReference/ (2011-01-01), https://docs.aws.amazon.com/AWSEC2/latest/APIReference/ (2016-11-15)

#include <string>
#include <vector>

#include "evener/actuators/aws_credentials.h"
#include "evener/actuators/cloud_world.h"
#include "evener/actuators/machine_group.h"
#include "evener/actuators/percent.h"
#include "evener/actuators/xml_reader.h"

namespace evener::actuators {

struct AwsSettings {
  std::string group;                     // its name
  std::string region;                    // empty = AWS_REGION
  std::string autoscaling_url, ec2_url;  // empty = the region's own; others are private endpoints
  std::uint16_t port = 8000;             // that engines listen on; 0 = addresses are not told
  Duration timeout = std::chrono::seconds(10);

  bool operator==(const AwsSettings&) const = default;
};

/// Not thread-safe.
class AwsGroup final : public MachineGroup {
 public:
  /// Instances in one question after their addresses.
  static constexpr std::size_t InstancesPerCall = 200;

  AwsGroup(AwsSettings settings, CloudWorld world) : settings_(std::move(settings)), world_(world), login_(std::move(world)) {}

  [[nodiscard]] std::string_view kind() const override { return "aws"; }
  [[nodiscard]] Result<MachineList, ActuatorError> read() override;
  [[nodiscard]] Result<void, ActuatorError> resize(std::uint32_t machines) override;
  [[nodiscard]] Result<void, ActuatorError> remove(const std::vector<std::string>& ids) override;

 private:
  enum class Service : std::uint8_t { AutoScaling, Ec2 };
  [[nodiscard]] Result<XmlElement, ActuatorError> call(Service service, const std::string& action, Parameters parameters);
  [[nodiscard]] Result<HttpAnswer, ActuatorError> send(Service service, const std::string& action, const std::string& body);
  [[nodiscard]] Result<void, ActuatorError> find_addresses(std::vector<Machine>& machines);

  AwsSettings settings_;
  CloudWorld world_;
  AwsLogin login_;
};

}  // namespace evener::actuators
