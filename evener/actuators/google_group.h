#pragma once
// A managed instance group of Google Compute Engine, of one zone or of a region.
// https://cloud.google.com/compute/docs/reference/rest/v1/instanceGroupManagers

#include <string>
#include <vector>

#include "evener/actuators/bearer_login.h"
#include "evener/actuators/machine_group.h"

namespace evener::actuators {

struct GoogleSettings {
  std::string project, location, group;  // a location is a zone ("europe-west4-a") or a region ("europe-west4")
  std::string key_file;                  // of a service account; empty = as google_login() says
  std::string url = "https://compute.googleapis.com";
  std::uint16_t port = 8000;  // that engines listen on; 0 = addresses are not told
  Duration timeout = std::chrono::seconds(10);

  bool operator==(const GoogleSettings&) const = default;
};

/// Not thread-safe.
class GoogleGroup final : public MachineGroup {
 public:
  static constexpr int PagesMax = 100;

  GoogleGroup(GoogleSettings settings, CloudWorld world);

  [[nodiscard]] std::string_view kind() const override { return "gcp"; }
  [[nodiscard]] Result<MachineList, ActuatorError> read() override;
  [[nodiscard]] Result<void, ActuatorError> resize(std::uint32_t machines) override;
  [[nodiscard]] Result<void, ActuatorError> remove(const std::vector<std::string>& ids) override;

 private:
  [[nodiscard]] Result<void, ActuatorError> list_machines(MachineList& list);
  [[nodiscard]] Result<void, ActuatorError> find_addresses(const std::string& zone, const std::string& base_name,
                                                           std::vector<Machine>& machines);

  GoogleSettings settings_;
  BearerApi api_;
  std::string project_, manager_;  // URLs
};

}  // namespace evener::actuators
