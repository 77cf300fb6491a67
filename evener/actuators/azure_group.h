#pragma once
// A virtual machine scale set of Azure with uniform orchestration.
// https://learn.microsoft.com/rest/api/compute/virtual-machine-scale-sets

#include <string>
#include <vector>

#include "evener/actuators/azure_login.h"
#include "evener/actuators/bearer_login.h"
#include "evener/actuators/machine_group.h"

namespace evener::actuators {

struct AzureSettings {
  std::string subscription, resource_group, scale_set;
  AzureIdentity identity;
  std::string url = "https://management.azure.com";
  std::uint16_t port = 8000;  // that engines listen on; 0 = addresses are not told
  Duration timeout = std::chrono::seconds(10);

  bool operator==(const AzureSettings&) const = default;
};

/// Not thread-safe.
class AzureGroup final : public MachineGroup {
 public:
  static constexpr int PagesMax = 100;

  AzureGroup(AzureSettings settings, CloudWorld world);

  [[nodiscard]] std::string_view kind() const override { return "azure"; }
  [[nodiscard]] Result<MachineList, ActuatorError> read() override;
  [[nodiscard]] Result<void, ActuatorError> resize(std::uint32_t machines) override;
  [[nodiscard]] Result<void, ActuatorError> remove(const std::vector<std::string>& ids) override;

 private:
  template <class Visit>
  [[nodiscard]] Result<void, ActuatorError> each(const std::string& what, std::string url, Visit visit);

  AzureSettings settings_;
  BearerApi api_;
  std::string scale_set_;            // URL
  std::string sku_name_, sku_tier_;  // as read; a new capacity is given with them
};

}  // namespace evener::actuators
