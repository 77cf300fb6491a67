#include "evener/actuators/azure_group.h"

#include <algorithm>

#include "evener/actuators/api_error.h"
#include "evener/actuators/json_answer.h"
#include "evener/actuators/percent.h"
#include "evener/base/json_writer.h"

namespace evener::actuators {
namespace {

using protocol::JsonValue;

constexpr std::string_view ComputeVersion = "?api-version=2024-07-01";
constexpr std::string_view NetworkVersion = "?api-version=2018-10-01";  // the only one that lists interfaces of a scale set

std::string last_part(const std::string& id) { return id.substr(id.rfind('/') + 1); }

Machine machine_of(const JsonValue& instance) {
  const std::string provisioning = text_at(instance, {"properties", "provisioningState"});
  Machine machine{.id = text_at(instance, {"instanceId"}), .address = {}, .serves = false, .ending = provisioning == "Deleting"};
  for (const JsonValue& status : elements_at(instance, {"properties", "instanceView", "statuses"})) {
    if (text_at(status, {"code"}) == "PowerState/running") machine.serves = !machine.ending && provisioning == "Succeeded";
  }
  // Where the scale set has a health extension, its word counts too.
  const std::string health = text_at(instance, {"properties", "instanceView", "vmHealth", "status", "code"});
  if (!health.empty() && health != "HealthState/healthy") machine.serves = false;
  return machine;
}

std::string address_of(const JsonValue& interface) {
  for (const JsonValue& configuration : elements_at(interface, {"properties", "ipConfigurations"})) {
    std::string address = text_at(configuration, {"properties", "privateIPAddress"});
    if (!address.empty()) return address;
  }
  return {};
}

bool is_primary(const JsonValue& interface) {
  const auto primary = value_at(interface, {"properties", "primary"});
  return primary && primary->kind == protocol::JsonKind::True;
}

}  // namespace

AzureGroup::AzureGroup(AzureSettings settings, CloudWorld world)
    : settings_(std::move(settings)), api_("Azure", world, azure_login(world, settings_.identity, settings_.url)) {
  scale_set_ = settings_.url + "/subscriptions/" + percent_encoded(settings_.subscription) + "/resourceGroups/" +
               percent_encoded(settings_.resource_group) + "/providers/Microsoft.Compute/virtualMachineScaleSets/" +
               percent_encoded(settings_.scale_set);
}

template <class Visit>
Result<void, ActuatorError> AzureGroup::each(const std::string& what, std::string url, Visit visit) {
  for (int pages = 0; pages < PagesMax && !url.empty(); ++pages) {
    const auto body = api_(what, {.url = url});
    if (!body) return tl::unexpected(body.error());
    const auto answer = json_object(*body);
    if (!answer) return tl::unexpected(not_understood("Azure: " + what, "no JSON object"));
    for (const JsonValue& value : elements_at(*answer, {"value"})) visit(value);
    url = text_at(*answer, {"nextLink"});
    // The token goes where the first page came from, and nowhere else.
    if (!url.empty() && !url.starts_with(settings_.url + "/"))
      return tl::unexpected(not_understood("Azure: " + what, "its next page is elsewhere"));
  }
  return {};
}

Result<MachineList, ActuatorError> AzureGroup::read() {
  const auto body = api_("scale set " + settings_.scale_set, {.url = scale_set_ + std::string(ComputeVersion)});
  if (!body) return tl::unexpected(body.error());
  const auto set = json_object(*body);
  const auto capacity = set ? count_at(*set, {"sku", "capacity"}) : std::nullopt;
  if (!capacity) return tl::unexpected(not_understood("Azure: scale set " + settings_.scale_set, "no sku.capacity"));
  sku_name_ = text_at(*set, {"sku", "name"});
  sku_tier_ = text_at(*set, {"sku", "tier"});
  MachineList list{.desired = *capacity, .machines = {}, .trouble = {}};
  auto listed =
      each("instances of " + settings_.scale_set, scale_set_ + "/virtualMachines" + std::string(ComputeVersion) + "&$expand=instanceView",
           [&](const JsonValue& instance) {
             if (list.machines.size() < AddressesMax) list.machines.push_back(machine_of(instance));
             if (text_at(instance, {"properties", "provisioningState"}) == "Failed" && list.trouble.empty()) {
               list.trouble = "instance " + list.machines.back().id + " could not be provisioned";
             }
           });
  if (!listed) return tl::unexpected(listed.error());
  if (settings_.port == 0) return list;
  auto found = each("addresses of " + settings_.scale_set, scale_set_ + "/networkInterfaces" + std::string(NetworkVersion),
                    [&](const JsonValue& interface) {
                      const std::string id = last_part(text_at(interface, {"properties", "virtualMachine", "id"}));
                      const auto machine =
                          std::find_if(list.machines.begin(), list.machines.end(), [&](const Machine& one) { return one.id == id; });
                      if (machine != list.machines.end() && (is_primary(interface) || machine->address.empty()))
                        machine->address = address_of(interface);
                    });
  if (!found) return tl::unexpected(found.error());
  return list;
}

Result<void, ActuatorError> AzureGroup::resize(std::uint32_t machines) {
  std::string text;
  JsonWriter json(text);
  json.begin_object().key("sku").begin_object();
  if (!sku_name_.empty()) json.member("name", sku_name_);
  if (!sku_tier_.empty()) json.member("tier", sku_tier_);
  json.member("capacity", machines).end_object().end_object();
  const auto body =
      api_("resize " + settings_.scale_set, {.method = "PATCH", .url = scale_set_ + std::string(ComputeVersion), .body = text});
  if (!body) return tl::unexpected(body.error());
  return {};
}

Result<void, ActuatorError> AzureGroup::remove(const std::vector<std::string>& ids) {
  std::string text;
  JsonWriter json(text);
  json.begin_object().key("instanceIds").begin_array();
  for (const std::string& id : ids) json.value(id);
  json.end_array().end_object();
  const auto body = api_("delete instances of " + settings_.scale_set,
                         {.method = "POST", .url = scale_set_ + "/delete" + std::string(ComputeVersion), .body = text});
  if (!body) return tl::unexpected(body.error());
  return {};
}

}  // namespace evener::actuators
