#include "evener/actuators/google_group.h"

#include <algorithm>
#include <set>

#include "evener/actuators/api_error.h"
#include "evener/actuators/google_login.h"
#include "evener/actuators/json_answer.h"
#include "evener/actuators/percent.h"
#include "evener/base/json_writer.h"

namespace evener::actuators {
namespace {

using protocol::JsonValue;

/// A zone's name has a dash more than that of its region: europe-west4-a, europe-west4.
bool is_zone(const std::string& location) { return std::count(location.begin(), location.end(), '-') > 1; }

/// "zones/Z/instances/NAME" of ".../projects/P/zones/Z/instances/NAME": what calls take, and equal for one instance however it is named.
std::string partial_url(const std::string& url) {
  const std::size_t zones = url.find("zones/");
  return zones == std::string::npos ? std::string() : url.substr(zones);
}

std::string zone_of(const std::string& partial) {
  constexpr std::size_t begin = 6;  // behind zones/
  return partial.substr(begin, partial.find('/', begin) - begin);
}

Machine machine_of(const JsonValue& managed) {
  const std::string action = text_at(managed, {"currentAction"}), status = text_at(managed, {"instanceStatus"});
  bool healthy = true;  // without a health check nothing is said
  for (const JsonValue& health : elements_at(managed, {"instanceHealth"}))
    healthy = healthy && text_at(health, {"detailedHealthState"}) == "HEALTHY";
  return {.id = partial_url(text_at(managed, {"instance"})),
          .address = {},
          .serves = status == "RUNNING" && action == "NONE" && healthy,
          .ending = action == "DELETING" || action == "ABANDONING"};
}

/// The group's own word for why it cannot have what it wants: no quota, no such machines left.
std::string trouble_of(const JsonValue& managed) {
  for (const JsonValue& error : elements_at(managed, {"lastAttempt", "errors", "errors"})) {
    return text_at(error, {"code"}) + ": " + api_words(text_at(error, {"message"}));
  }
  return {};
}

}  // namespace

GoogleGroup::GoogleGroup(GoogleSettings settings, CloudWorld world)
    : settings_(std::move(settings)), api_("Google", world, google_login(world, settings_.key_file)) {
  project_ = settings_.url + "/compute/v1/projects/" + percent_encoded(settings_.project);
  manager_ = project_ + (is_zone(settings_.location) ? "/zones/" : "/regions/") + percent_encoded(settings_.location) +
             "/instanceGroupManagers/" + percent_encoded(settings_.group);
}

Result<MachineList, ActuatorError> GoogleGroup::read() {
  const auto body = api_("instance group " + settings_.group, {.url = manager_});
  if (!body) return tl::unexpected(body.error());
  const auto group = json_object(*body);
  const auto size = group ? count_at(*group, {"targetSize"}) : std::nullopt;
  if (!size) return tl::unexpected(not_understood("Google: instance group " + settings_.group, "no targetSize"));
  const std::string base_name = text_at(*group, {"baseInstanceName"});
  MachineList list{.desired = *size, .machines = {}, .trouble = {}};
  if (auto listed = list_machines(list); !listed) return tl::unexpected(listed.error());
  if (settings_.port == 0) return list;
  std::set<std::string> zones;
  for (const Machine& machine : list.machines) zones.insert(zone_of(machine.id));
  for (const std::string& zone : zones) {
    if (auto found = find_addresses(zone, base_name, list.machines); !found) return tl::unexpected(found.error());
  }
  return list;
}

Result<void, ActuatorError> GoogleGroup::list_machines(MachineList& list) {
  std::string page;
  for (int pages = 0; pages < PagesMax; ++pages) {
    const std::string query = page.empty() ? "" : "?" + query_text({{"pageToken", page}});
    const auto body = api_("instances of " + settings_.group, {.method = "POST", .url = manager_ + "/listManagedInstances" + query});
    if (!body) return tl::unexpected(body.error());
    const auto answer = json_object(*body);
    if (!answer) return tl::unexpected(not_understood("Google: instances of " + settings_.group, "no JSON object"));
    for (const JsonValue& managed : elements_at(*answer, {"managedInstances"})) {
      if (list.trouble.empty()) list.trouble = trouble_of(managed);
      Machine machine = machine_of(managed);
      // One that is still to be created has no instance yet.
      if (!machine.id.empty() && list.machines.size() < AddressesMax) list.machines.push_back(std::move(machine));
    }
    page = text_at(*answer, {"nextPageToken"});
    if (page.empty()) break;
  }
  return {};
}

Result<void, ActuatorError> GoogleGroup::find_addresses(const std::string& zone, const std::string& base_name,
                                                        std::vector<Machine>& machines) {
  std::string page;
  for (int pages = 0; pages < PagesMax; ++pages) {
    Parameters query = {{"fields", "items(name,networkInterfaces(networkIP)),nextPageToken"}};
    // Names of a group's instances are its base name, a dash and four characters, unless they were given one by one.
    if (!base_name.empty()) query.emplace_back("filter", "name eq \"" + base_name + "-.*\"");
    if (!page.empty()) query.emplace_back("pageToken", page);
    const auto body =
        api_("addresses in " + zone, {.url = project_ + "/zones/" + percent_encoded(zone) + "/instances?" + query_text(query)});
    if (!body) return tl::unexpected(body.error());
    const auto answer = json_object(*body);
    if (!answer) return tl::unexpected(not_understood("Google: addresses in " + zone, "no JSON object"));
    for (const JsonValue& instance : elements_at(*answer, {"items"})) {
      const std::string id = "zones/" + zone + "/instances/" + text_at(instance, {"name"});
      const auto found = std::find_if(machines.begin(), machines.end(), [&](const Machine& each) { return each.id == id; });
      if (found == machines.end()) continue;
      for (const JsonValue& interface : elements_at(instance, {"networkInterfaces"})) {
        if (found->address.empty()) found->address = text_at(interface, {"networkIP"});
      }
    }
    page = text_at(*answer, {"nextPageToken"});
    if (page.empty()) break;
  }
  return {};
}

Result<void, ActuatorError> GoogleGroup::resize(std::uint32_t machines) {
  const auto body = api_("resize " + settings_.group, {.method = "POST", .url = manager_ + "/resize?size=" + std::to_string(machines)});
  if (!body) return tl::unexpected(body.error());
  return {};
}

Result<void, ActuatorError> GoogleGroup::remove(const std::vector<std::string>& ids) {
  std::string text;
  JsonWriter json(text);
  json.begin_object().key("instances").begin_array();
  for (const std::string& id : ids) json.value(id);
  json.end_array().end_object();
  const auto body = api_("delete instances of " + settings_.group, {.method = "POST", .url = manager_ + "/deleteInstances", .body = text});
  if (!body) return tl::unexpected(body.error());
  return {};
}

}  // namespace evener::actuators
