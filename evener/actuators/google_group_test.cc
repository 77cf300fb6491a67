#include "evener/actuators/google_group.h"

#include <doctest/doctest.h>

#include "evener/actuators/google_login.h"
#include "evener/actuators/testing/fake_world.h"

namespace evener::actuators {
namespace {

using testing::FakeWorld;
using testing::header_of;

const std::string Token = R"({"access_token":"ya29.token","expires_in":3599,"token_type":"Bearer"})";
const std::string Instances = "https://www.googleapis.com/compute/v1/projects/p/zones/";

std::string managed(const std::string& instance, const std::string& status = "RUNNING", const std::string& action = "NONE",
                    const std::string& more = "") {
  return R"({"instance":")" + instance + R"(","instanceStatus":")" + status + R"(","currentAction":")" + action + "\"" + more + "}";
}

std::string address(const std::string& name, const std::string& ip) {
  return R"({"name":")" + name + R"(","networkInterfaces":[{"networkIP":")" + ip + R"("}]})";
}

struct Project : FakeWorld {
  MachineActuator actuator(const std::string& location = "europe-west4-a") const {
    GoogleSettings settings{.project = "p", .location = location, .group = "gpus"};
    return {std::make_unique<GoogleGroup>(settings, world()), settings.port};
  }
};

TEST_CASE("what is there: the target size, managed instances page by page, and addresses zone by zone") {
  Project project;
  project.api.then(200, Token);
  project.api.then(200, R"({"targetSize":4,"baseInstanceName":"gpu"})");
  project.api.then(200,
                   R"({"managedInstances":[)" + managed(Instances + "z-a/instances/gpu-1") + "," +
                       managed("", "", "CREATING",
                               R"(,"lastAttempt":{"errors":{"errors":[{"code":"ZONE_RESOURCE_POOL_EXHAUSTED","message":"none left"}]}})") +
                       R"(],"nextPageToken":"n/1"})");
  project.api.then(
      200, R"({"managedInstances":[)" + managed(Instances + "z-b/instances/gpu-2", "STAGING", "CREATING") + "," +
               managed(Instances + "z-b/instances/gpu-3", "RUNNING", "DELETING") + "," +
               managed(Instances + "z-b/instances/gpu-4", "RUNNING", "NONE", R"(,"instanceHealth":[{"detailedHealthState":"TIMEOUT"}])") +
               "]}");
  project.api.then(200, R"({"items":[)" + address("gpu-1", "10.0.0.1") + "," + address("gpu-other", "10.0.0.9") + "]}");
  project.api.then(
      200, R"({"items":[)" + address("gpu-2", "10.0.0.2") + "," + address("gpu-3", "10.0.0.3") + "," + address("gpu-4", "10.0.0.4") + "]}");
  const auto there = project.actuator("europe-west4").observe();
  REQUIRE(there.has_value());
  CHECK(there->desired == 4);
  CHECK(there->ready == 1);
  CHECK(there->endpoints == std::vector<std::string>{"http://10.0.0.1:8000", "http://10.0.0.2:8000", "http://10.0.0.4:8000"});
  CHECK(there->trouble == "ZONE_RESOURCE_POOL_EXHAUSTED: none left");
  const auto& calls = project.api.calls();
  REQUIRE(calls.size() == 6);
  CHECK(calls[0].url == "http://metadata.google.internal/computeMetadata/v1/instance/service-accounts/default/token");
  CHECK(header_of(calls[0], "Metadata-Flavor") == "Google");
  CHECK(calls[1].url == "https://compute.googleapis.com/compute/v1/projects/p/regions/europe-west4/instanceGroupManagers/gpus");
  CHECK(header_of(calls[1], "Authorization") == "Bearer ya29.token");
  CHECK(calls[2].method == "POST");
  CHECK(calls[3].url.ends_with("/gpus/listManagedInstances?pageToken=n%2F1"));
  CHECK(calls[5].url.find("/projects/p/zones/z-b/instances?") != std::string::npos);
  CHECK(calls[5].url.find("filter=name%20eq%20%22gpu-.%2A%22") != std::string::npos);
}

TEST_CASE("it grows by a resize, and shrinks by deleting what was drained before it resizes") {
  Project project;
  const auto there = [&](int size) {
    project.api.then(200, R"({"targetSize":)" + std::to_string(size) + R"(,"baseInstanceName":"gpu"})");
    project.api.then(
        200, R"({"managedInstances":[)" + managed(Instances + "z/instances/gpu-1") + "," + managed(Instances + "z/instances/gpu-2") + "]}");
    project.api.then(200, R"({"items":[)" + address("gpu-1", "10.0.0.1") + "," + address("gpu-2", "10.0.0.2") + "]}");
  };
  project.api.then(200, Token);
  there(2);
  project.api.then(200, R"({"kind":"compute#operation"})");
  auto actuator = project.actuator();
  CHECK(actuator.set({.pool = "p", .replicas = 5})->desired == 5);
  CHECK(project.api.calls().back().url ==
        "https://compute.googleapis.com/compute/v1/projects/p/zones/europe-west4-a/instanceGroupManagers/gpus/resize?size=5");
  there(4);
  project.api.then(200, "{}");
  project.api.then(200, "{}");
  project.api.forget_calls();
  const auto set = actuator.set({.pool = "p", .replicas = 2, .stop_first = {"http://10.0.0.2:8000"}});
  REQUIRE(set.has_value());
  CHECK(set->endpoints == std::vector<std::string>{"http://10.0.0.1:8000"});
  REQUIRE(project.api.calls().size() == 5);
  CHECK(project.api.calls()[3].url.ends_with("/gpus/deleteInstances"));
  CHECK(project.api.calls()[3].body == R"({"instances":["zones/z/instances/gpu-2"]})");
  CHECK(project.api.calls()[4].url.ends_with("/gpus/resize?size=2"));
}

TEST_CASE("what Google refuses is said, rate limits may be tried again, and a revoked token is replaced once") {
  Project project;
  auto actuator = project.actuator();
  project.api.then(200, Token);
  project.api.then(
      403,
      R"({"error":{"code":403,"message":"Required 'compute.instanceGroupManagers.get' permission","errors":[{"reason":"forbidden"}],"status":"PERMISSION_DENIED"}})");
  const auto denied = actuator.observe();
  REQUIRE(!denied.has_value());
  CHECK(denied.error().message ==
        "Google: instance group gpus: status 403: PERMISSION_DENIED: Required 'compute.instanceGroupManagers.get' permission");
  CHECK(denied.error().may_retry == MayRetry::No);
  project.api.then(403, R"({"error":{"message":"slow down","errors":[{"reason":"rateLimitExceeded"}]}})");
  CHECK(actuator.observe().error().may_retry == MayRetry::Yes);
  project.api.then(401, "{}");
  project.api.then(200, Token);
  project.api.then(401, "{}");
  CHECK(actuator.observe().error().may_retry == MayRetry::No);
  CHECK(project.api.all_answers_taken());
  project.api.then(404, "");
  CHECK(actuator.observe().error().message == "Google: token of the machine: status 404");
  project.api.then(200, Token);
  project.api.then(200, "[]");
  CHECK(actuator.observe().error().may_retry == MayRetry::Yes);
}

TEST_CASE("the key file of a service account is read, and other kinds of credentials are refused by their name") {
  const auto key = read_google_key(
      R"({"type":"service_account","client_email":"e@p","private_key_id":"k","private_key":"PEM\n","token_uri":"https://t/token"})");
  REQUIRE(key.has_value());
  CHECK(key->email == "e@p");
  CHECK(key->private_key.reveal() == "PEM\n");
  CHECK(key->token_url == "https://t/token");
  CHECK(read_google_key(R"({"type":"service_account","client_email":"e","private_key":"k"})")->token_url ==
        "https://oauth2.googleapis.com/token");
  CHECK(read_google_key(R"({"type":"external_account"})").error().message.find("external_account") != std::string::npos);
  CHECK(!read_google_key(R"({"type":"service_account"})").has_value());
  CHECK(!read_google_key("").has_value());
}

}  // namespace
}  // namespace evener::actuators
