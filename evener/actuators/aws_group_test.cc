#include "evener/actuators/aws_group.h"

#include <doctest/doctest.h>

#include "evener/actuators/testing/fake_world.h"

namespace evener::actuators {
namespace {

using namespace std::chrono_literals;
using testing::FakeWorld;
using testing::header_of;

std::string instance(const std::string& id, const std::string& state, const std::string& health = "Healthy") {
  return "<member><InstanceId>" + id + "</InstanceId><LifecycleState>" + state + "</LifecycleState><HealthStatus>" + health +
         "</HealthStatus></member>";
}

std::string group(int desired, const std::string& instances) {
  return R"(<DescribeAutoScalingGroupsResponse xmlns="http://autoscaling.amazonaws.com/doc/2011-01-01/"><DescribeAutoScalingGroupsResult><AutoScalingGroups><member><DesiredCapacity>)" +
         std::to_string(desired) + "</DesiredCapacity><Instances>" + instances +
         "</Instances></member></AutoScalingGroups></DescribeAutoScalingGroupsResult></DescribeAutoScalingGroupsResponse>";
}

std::string addresses(const std::vector<std::pair<std::string, std::string>>& all) {
  std::string text = "<DescribeInstancesResponse><reservationSet>";
  for (const auto& [id, address] : all) {
    text += "<item><instancesSet><item><instanceId>" + id + "</instanceId><privateIpAddress>" + address +
            "</privateIpAddress></item></instancesSet></item>";
  }
  return text + "</reservationSet></DescribeInstancesResponse>";
}

std::string error(const std::string& code, const std::string& message) {
  return "<ErrorResponse><Error><Type>Sender</Type><Code>" + code + "</Code><Message>" + message + "</Message></Error></ErrorResponse>";
}

struct Account : FakeWorld {
  Account() {
    (*variables)["AWS_ACCESS_KEY_ID"] = "AKIDEXAMPLE";
    (*variables)["AWS_SECRET_ACCESS_KEY"] = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";
  }
  MachineActuator actuator(AwsSettings settings = {}) const {
    settings.group = "gpus";
    if (settings.region.empty()) settings.region = "eu-central-1";
    const std::uint16_t port = settings.port;
    return {std::make_unique<AwsGroup>(std::move(settings), world()), port};
  }
};

TEST_CASE("what is there: the group's wanted number, its instances in service, and their addresses from EC2") {
  Account account;
  account.api.then(200, group(3, instance("i-1", "InService") + instance("i-2", "Pending") + instance("i-3", "Terminating") +
                                     instance("i-4", "InService", "Unhealthy")));
  account.api.then(200, addresses({{"i-1", "10.0.0.1"}, {"i-2", "10.0.0.2"}, {"i-4", "10.0.0.4"}, {"i-other", "10.0.0.9"}}));
  const auto there = account.actuator().observe();
  REQUIRE(there.has_value());
  CHECK(there->desired == 3);
  CHECK(there->ready == 1);
  CHECK(there->endpoints == std::vector<std::string>{"http://10.0.0.1:8000", "http://10.0.0.2:8000", "http://10.0.0.4:8000"});
  CHECK(there->trouble == "instance i-4 is unhealthy");
  REQUIRE(account.api.calls().size() == 2);
  CHECK(account.api.calls()[0].url == "https://autoscaling.eu-central-1.amazonaws.com/");
  CHECK(account.api.calls()[0].body == "Action=DescribeAutoScalingGroups&Version=2011-01-01&AutoScalingGroupNames.member.1=gpus");
  CHECK(account.api.calls()[1].url == "https://ec2.eu-central-1.amazonaws.com/");
  CHECK(account.api.calls()[1].body == "Action=DescribeInstances&Version=2016-11-15&InstanceId.1=i-1&InstanceId.2=i-2&InstanceId.3=i-4");
  CHECK(header_of(account.api.calls()[1], "Authorization").find("/20150830/eu-central-1/ec2/aws4_request, ") != std::string::npos);
}

TEST_CASE("without a port EC2 is not asked, and the region may come from the environment") {
  Account account;
  (*account.variables)["AWS_REGION"] = "cn-north-1";
  account.api.then(200, group(1, instance("i-1", "InService")));
  AwsSettings settings{.group = "gpus", .port = 0};
  AwsGroup aws(settings, account.world());
  const auto list = aws.read();
  REQUIRE(list.has_value());
  CHECK(list->machines.size() == 1);
  CHECK(account.api.calls().size() == 1);
  CHECK(account.api.calls()[0].url == "https://autoscaling.cn-north-1.amazonaws.com.cn/");
}

TEST_CASE("it grows by setting the wanted number") {
  Account account;
  account.api.then(200, group(1, instance("i-1", "InService")));
  account.api.then(200, addresses({{"i-1", "10.0.0.1"}}));
  account.api.then(200, "<SetDesiredCapacityResponse/>");
  const auto set = account.actuator().set({.pool = "p", .replicas = 4});
  REQUIRE(set.has_value());
  CHECK(set->desired == 4);
  CHECK(account.api.calls().back().body ==
        "Action=SetDesiredCapacity&Version=2011-01-01&AutoScalingGroupName=gpus&DesiredCapacity=4&HonorCooldown=false");
}

TEST_CASE("it shrinks by ending what was drained, and by the wanted number for the rest") {
  Account account;
  account.api.then(200, group(4, instance("i-1", "InService") + instance("i-2", "InService") + instance("i-3", "InService") +
                                     instance("i-4", "InService")));
  account.api.then(200, addresses({{"i-1", "10.0.0.1"}, {"i-2", "10.0.0.2"}, {"i-3", "10.0.0.3"}, {"i-4", "10.0.0.4"}}));
  account.api.then(200, "<TerminateInstanceInAutoScalingGroupResponse/>");
  account.api.then(200, "<SetDesiredCapacityResponse/>");
  const auto set = account.actuator().set({.pool = "p", .replicas = 2, .stop_first = {"http://10.0.0.3:8000"}});
  REQUIRE(set.has_value());
  CHECK(set->desired == 2);
  CHECK(set->endpoints.size() == 3);
  CHECK(account.api.calls()[2].body ==
        "Action=TerminateInstanceInAutoScalingGroup&Version=2011-01-01&InstanceId=i-3&ShouldDecrementDesiredCapacity=true");
  CHECK(account.api.calls()[3].body.find("DesiredCapacity=2") != std::string::npos);
}

TEST_CASE("no more drained instances are ended than it is to shrink by, and a fulfilled wish changes nothing") {
  Account account;
  const auto there = [&](int desired) {
    account.api.then(200, group(desired, instance("i-1", "InService") + instance("i-2", "InService")));
    account.api.then(200, addresses({{"i-1", "10.0.0.1"}, {"i-2", "10.0.0.2"}}));
  };
  there(2);
  account.api.then(200, "<TerminateInstanceInAutoScalingGroupResponse/>");
  auto actuator = account.actuator();
  CHECK(actuator.set({.pool = "p", .replicas = 1, .stop_first = {"http://10.0.0.1:8000", "http://10.0.0.2:8000"}}).has_value());
  CHECK(account.api.calls().size() == 3);
  there(1);
  CHECK(actuator.set({.pool = "p", .replicas = 1, .stop_first = {"http://10.0.0.1:8000"}}).has_value());
  CHECK(account.api.calls().size() == 5);
}

TEST_CASE("what AWS refuses is said in its words, and its throttling with status 400 may be tried again") {
  const auto error_of = [](int status, const std::string& body, std::vector<std::pair<std::string, std::string>> headers = {}) {
    Account account;
    account.api.then(status, body, std::move(headers));
    const auto there = account.actuator().observe();
    REQUIRE(!there.has_value());
    return there.error();
  };
  const ActuatorError denied = error_of(403, error("AccessDenied", "User: arn:aws:iam::1:user/x is not authorized"));
  CHECK(denied.message == "AWS: DescribeAutoScalingGroups: status 403: AccessDenied: User: arn:aws:iam::1:user/x is not authorized");
  CHECK(denied.may_retry == MayRetry::No);
  CHECK(error_of(400, error("Throttling", "Rate exceeded")).may_retry == MayRetry::Yes);
  CHECK(error_of(400, error("ValidationError", "wrong")).may_retry == MayRetry::No);
  CHECK(error_of(503, "", {{"retry-after", "2"}}).retry_after == 2s);
  CHECK(error_of(200, "{}").may_retry == MayRetry::Yes);
  CHECK(error_of(200, group(1, "").replace(group(1, "").find("<DesiredCapacity>1"), 18, "<DesiredCapacity>x"))
            .message.find("no DesiredCapacity") != std::string::npos);
  CHECK(error_of(200, "<broken>").message.find("no XML") != std::string::npos);
  const ActuatorError missing =
      error_of(200, "<R><DescribeAutoScalingGroupsResult><AutoScalingGroups/></DescribeAutoScalingGroupsResult></R>");
  CHECK(missing.message == "AWS: there is no Auto Scaling group gpus in this region");
  // What should have been signed holds the session's token.
  const ActuatorError mismatch =
      error_of(403, error("SignatureDoesNotMatch", "They differ.\n\nThe Canonical String was\nx-amz-security-token:sesame"));
  CHECK(mismatch.message.ends_with("SignatureDoesNotMatch: They differ."));
}

TEST_CASE("keys that ended are looked for anew, once") {
  Account account;
  account.api.then(403, error("ExpiredToken", "The security token included in the request is expired"));
  account.api.then(200, group(0, ""));
  CHECK(account.actuator().observe().has_value());
  account.api.then(403, error("ExpiredToken", "expired"));
  account.api.then(403, error("ExpiredToken", "expired"));
  CHECK(!account.actuator().observe().has_value());
  CHECK(account.api.all_answers_taken());
}

TEST_CASE("without a region nothing is called") {
  Account account;
  AwsGroup aws({.group = "gpus"}, account.world());
  CHECK(aws.read().error().message == "AWS: no region is given, nor AWS_REGION");
  CHECK(account.api.calls().empty());
}

}  // namespace
}  // namespace evener::actuators
