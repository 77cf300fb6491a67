#include "evener/actuators/aws_group.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <map>
#include <optional>

#include "evener/actuators/api_error.h"

namespace evener::actuators {
namespace {

constexpr int BadRequest = 400, Forbidden = 403;

struct ServiceFacts {
  const char *name, *version;
};
constexpr std::array<ServiceFacts, 2> facts = {{{"autoscaling", "2011-01-01"}, {"ec2", "2016-11-15"}}};

/// What AWS says with status 400 although another try may help.
bool may_pass(std::string_view code) {
  constexpr std::array codes = {"Throttling",         "ThrottlingException",       "RequestThrottled",  "RequestLimitExceeded",
                                "ResourceContention", "ScalingActivityInProgress", "ServiceUnavailable"};
  return std::find(codes.begin(), codes.end(), code) != codes.end();
}

/// Keys that were valid once: they were replaced, or have ended.
bool is_stale_login(std::string_view code) {
  constexpr std::array codes = {"ExpiredToken", "ExpiredTokenException", "RequestExpired", "InvalidClientTokenId", "AuthFailure"};
  return std::find(codes.begin(), codes.end(), code) != codes.end();
}

struct AwsWords {
  std::string code, message;
};

/// <ErrorResponse><Error><Code/><Message/></Error></ErrorResponse>, or <Response><Errors><Error>... of EC2.
AwsWords words_of(const std::string& body) {
  const auto xml = read_xml(body);
  if (!xml) return {};
  const XmlElement* error = xml->child("Error");
  if (error == nullptr) error = xml->at({"Errors", "Error"});
  if (error == nullptr) return {};
  return {std::string(error->text_of("Code")), std::string(error->text_of("Message"))};
}

std::optional<std::uint32_t> number(std::string_view text) {
  std::uint32_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

}  // namespace

Result<MachineList, ActuatorError> AwsGroup::read() {
  const auto answer = call(Service::AutoScaling, "DescribeAutoScalingGroups", {{"AutoScalingGroupNames.member.1", settings_.group}});
  if (!answer) return tl::unexpected(answer.error());
  const XmlElement* groups = answer->at({"DescribeAutoScalingGroupsResult", "AutoScalingGroups"});
  if (groups == nullptr) return tl::unexpected(not_understood("AWS: DescribeAutoScalingGroups", "no AutoScalingGroups"));
  const XmlElement* group = groups->child("member");
  if (group == nullptr) {
    return tl::unexpected(ActuatorError{.message = "AWS: there is no Auto Scaling group " + settings_.group + " in this region",
                                        .may_retry = MayRetry::No,
                                        .retry_after = {}});
  }
  const auto desired = number(group->text_of("DesiredCapacity"));
  if (!desired) return tl::unexpected(not_understood("AWS: DescribeAutoScalingGroups", "no DesiredCapacity"));
  MachineList list{.desired = *desired, .machines = {}, .trouble = {}};
  const XmlElement* instances = group->child("Instances");
  for (const XmlElement& instance : instances != nullptr ? instances->children : std::vector<XmlElement>()) {
    const std::string_view state = instance.text_of("LifecycleState");
    const bool in_service = state == "InService", healthy = instance.text_of("HealthStatus") == "Healthy";
    list.machines.push_back({.id = std::string(instance.text_of("InstanceId")),
                             .address = {},
                             .serves = in_service && healthy,
                             .ending = !in_service && !state.starts_with("Pending")});
    if (in_service && !healthy) list.trouble = "instance " + list.machines.back().id + " is unhealthy";
  }
  if (settings_.port == 0) return list;
  if (auto found = find_addresses(list.machines); !found) return tl::unexpected(found.error());
  return list;
}

Result<void, ActuatorError> AwsGroup::find_addresses(std::vector<Machine>& machines) {
  std::map<std::string, Machine*, std::less<>> by_id;
  for (Machine& machine : machines) {
    if (!machine.ending && by_id.size() < AddressesMax) by_id.emplace(machine.id, &machine);
  }
  for (auto next = by_id.begin(); next != by_id.end();) {
    Parameters ids;
    for (; next != by_id.end() && ids.size() < InstancesPerCall; ++next)
      ids.emplace_back("InstanceId." + std::to_string(ids.size() + 1), next->first);
    const auto answer = call(Service::Ec2, "DescribeInstances", std::move(ids));
    if (!answer) return tl::unexpected(answer.error());
    const XmlElement* reservations = answer->child("reservationSet");
    if (reservations == nullptr) return tl::unexpected(not_understood("AWS: DescribeInstances", "no reservationSet"));
    for (const XmlElement& reservation : reservations->children) {
      const XmlElement* instances = reservation.child("instancesSet");
      for (const XmlElement& instance : instances != nullptr ? instances->children : std::vector<XmlElement>()) {
        const auto found = by_id.find(instance.text_of("instanceId"));
        if (found != by_id.end()) found->second->address = instance.text_of("privateIpAddress");
      }
    }
  }
  return {};
}

Result<void, ActuatorError> AwsGroup::resize(std::uint32_t machines) {
  const auto answer =
      call(Service::AutoScaling, "SetDesiredCapacity",
           {{"AutoScalingGroupName", settings_.group}, {"DesiredCapacity", std::to_string(machines)}, {"HonorCooldown", "false"}});
  if (!answer) return tl::unexpected(answer.error());
  return {};
}

Result<void, ActuatorError> AwsGroup::remove(const std::vector<std::string>& ids) {
  for (const std::string& id : ids) {
    const auto answer =
        call(Service::AutoScaling, "TerminateInstanceInAutoScalingGroup", {{"InstanceId", id}, {"ShouldDecrementDesiredCapacity", "true"}});
    if (!answer) return tl::unexpected(answer.error());
  }
  return {};
}

Result<HttpAnswer, ActuatorError> AwsGroup::send(Service service, const std::string& action, const std::string& body) {
  const ServiceFacts& fact = facts[static_cast<std::size_t>(service)];
  std::string region = settings_.region.empty() ? world_.variable("AWS_REGION") : settings_.region;
  if (region.empty())
    return tl::unexpected(
        ActuatorError{.message = "AWS: no region is given, nor AWS_REGION", .may_retry = MayRetry::No, .retry_after = {}});
  const std::string& own_url = service == Service::Ec2 ? settings_.ec2_url : settings_.autoscaling_url;
  // The partition in China has another domain; all others have this one.
  const std::string domain = region.starts_with("cn-") ? ".amazonaws.com.cn" : ".amazonaws.com";
  const auto credentials = login_.credentials();
  if (!credentials) return tl::unexpected(credentials.error());
  HttpCall request{.method = "POST",
                   .url = (own_url.empty() ? std::string("https://") + fact.name + "." + region + domain : own_url) + "/",
                   .headers = {{"Content-Type", Secret("application/x-www-form-urlencoded; charset=utf-8")}},
                   .body = body};
  sign_aws(request, *credentials, {.region = std::move(region), .service = fact.name}, world_.wall_s());
  auto answer = world_.send(request);
  if (!answer) return tl::unexpected(no_answer("AWS: " + action, answer.error()));
  return std::move(*answer);
}

Result<XmlElement, ActuatorError> AwsGroup::call(Service service, const std::string& action, Parameters parameters) {
  parameters.insert(parameters.begin(), {{"Action", action}, {"Version", facts[static_cast<std::size_t>(service)].version}});
  const std::string body = query_text(parameters);
  auto answer = send(service, action, body);
  if (answer && (answer->status == Forbidden || answer->status == BadRequest || answer->status == 401) &&
      is_stale_login(words_of(answer->body).code)) {
    login_.forget();
    answer = send(service, action, body);
  }
  if (!answer) return tl::unexpected(answer.error());
  if (!is_success(*answer)) {
    // Behind the first line of the message there may be the text that should have been signed, and a session token in it.
    const AwsWords words = words_of(answer->body);
    ActuatorError error = refused("AWS: " + action, *answer, words.code.empty() ? "" : words.code + ": " + words.message, world_.wall_ns);
    if (may_pass(words.code)) error.may_retry = MayRetry::Yes;
    return tl::unexpected(std::move(error));
  }
  auto xml = read_xml(answer->body);
  if (!xml) return tl::unexpected(not_understood("AWS: " + action, "no XML"));
  return std::move(*xml);
}

}  // namespace evener::actuators
