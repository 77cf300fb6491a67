#include "evener/actuators/azure_group.h"

#include <doctest/doctest.h>

#include "evener/actuators/testing/fake_world.h"

namespace evener::actuators {
namespace {

using namespace std::chrono_literals;
using testing::FakeWorld;
using testing::header_of;

const std::string Token = R"({"access_token":"eyJ.token","expires_in":"86399"})";
const std::string Set =
    "https://management.azure.com/subscriptions/s/resourceGroups/g/providers/Microsoft.Compute/virtualMachineScaleSets/gpus";

std::string machine(const std::string& id, const std::string& power = "running", const std::string& provisioning = "Succeeded") {
  return R"({"instanceId":")" + id + R"(","properties":{"provisioningState":")" + provisioning +
         R"(","instanceView":{"statuses":[{"code":"ProvisioningState/succeeded"},{"code":"PowerState/)" + power + R"("}]}}})";
}

std::string interface(const std::string& machine, const std::string& address, const std::string& primary = "true") {
  return R"({"properties":{"primary":)" + primary + R"(,"virtualMachine":{"id":"/subscriptions/s/virtualMachines/)" + machine +
         R"("},"ipConfigurations":[{"properties":{"privateIPAddress":")" + address + R"("}}]}})";
}

struct Subscription : FakeWorld {
  MachineActuator actuator(AzureIdentity identity = {}) const {
    AzureSettings settings{.subscription = "s", .resource_group = "g", .scale_set = "gpus", .identity = std::move(identity)};
    return {std::make_unique<AzureGroup>(settings, world()), settings.port};
  }
};

TEST_CASE("what is there: the capacity, instances page by page, and the addresses of their primary interfaces") {
  Subscription azure;
  azure.api.then(200, Token);
  azure.api.then(200, R"({"sku":{"name":"Standard_NC24ads_A100_v4","tier":"Standard","capacity":4}})");
  azure.api.then(200, R"({"value":[)" + machine("0") + "," + machine("1", "starting", "Creating") + R"(],"nextLink":")" + Set +
                          R"(/virtualMachines?page=2"})");
  azure.api.then(200, R"({"value":[)" + machine("2", "running", "Deleting") + "," + machine("3", "deallocated", "Failed") + "]}");
  azure.api.then(200, R"({"value":[)" + interface("0", "10.9.0.1", "false") + "," + interface("0", "10.0.0.1") + "," +
                          interface("1", "10.0.0.2") + "," + interface("2", "10.0.0.3") + "]}");
  const auto there = azure.actuator().observe();
  REQUIRE(there.has_value());
  CHECK(there->desired == 4);
  CHECK(there->ready == 1);
  CHECK(there->endpoints == std::vector<std::string>{"http://10.0.0.1:8000", "http://10.0.0.2:8000"});
  CHECK(there->trouble == "instance 3 could not be provisioned");
  const auto& calls = azure.api.calls();
  CHECK(calls[0].url ==
        "http://169.254.169.254/metadata/identity/oauth2/token?api-version=2018-02-01&resource=https%3A%2F%2Fmanagement.azure.com%2F");
  CHECK(header_of(calls[0], "Metadata") == "true");
  CHECK(calls[1].url == Set + "?api-version=2024-07-01");
  CHECK(header_of(calls[1], "Authorization") == "Bearer eyJ.token");
  CHECK(calls[2].url == Set + "/virtualMachines?api-version=2024-07-01&$expand=instanceView");
  CHECK(calls[3].url == Set + "/virtualMachines?page=2");
  CHECK(calls[4].url == Set + "/networkInterfaces?api-version=2018-10-01");
}

TEST_CASE("the token is not taken to where another server's next page points") {
  Subscription azure;
  azure.api.then(200, Token);
  azure.api.then(200, R"({"sku":{"capacity":1}})");
  azure.api.then(200, R"({"value":[],"nextLink":"https://management.azure.com.evil.example/"})");
  CHECK(!azure.actuator().observe().has_value());
  CHECK(azure.api.calls().size() == 3);
}

TEST_CASE("it grows by a new capacity of the same machines, and shrinks by deleting what was drained first") {
  Subscription azure;
  auto actuator = azure.actuator();
  const auto there = [&](int capacity) {
    azure.api.then(200, R"({"sku":{"name":"N","tier":"T","capacity":)" + std::to_string(capacity) + "}}");
    azure.api.then(200, R"({"value":[)" + machine("0") + "," + machine("1") + "]}");
    azure.api.then(200, R"({"value":[)" + interface("0", "10.0.0.1") + "," + interface("1", "10.0.0.2") + "]}");
  };
  azure.api.then(200, Token);
  there(2);
  azure.api.then(200, "{}");
  CHECK(actuator.set({.pool = "p", .replicas = 3})->desired == 3);
  CHECK(azure.api.calls().back().method == "PATCH");
  CHECK(azure.api.calls().back().body == R"({"sku":{"name":"N","tier":"T","capacity":3}})");
  CHECK(header_of(azure.api.calls().back(), "Content-Type") == "application/json");
  there(2);
  azure.api.then(202, "");
  CHECK(actuator.set({.pool = "p", .replicas = 1, .stop_first = {"http://10.0.0.1:8000"}})->endpoints ==
        std::vector<std::string>{"http://10.0.0.2:8000"});
  CHECK(azure.api.calls().back().url == Set + "/delete?api-version=2024-07-01");
  CHECK(azure.api.calls().back().body == R"({"instanceIds":["0"]})");
}

TEST_CASE("an application with a secret asks the login server, with what the environment says where the settings do not") {
  Subscription azure;
  (*azure.variables)["AZURE_CLIENT_SECRET"] = "p&ss";
  (*azure.variables)["AZURE_CLIENT_ID"] = "app";
  azure.api.then(401, R"({"error":"invalid_client","error_description":"AADSTS7000215: Invalid client secret\r\nTrace ID: 1"})");
  const auto refused = azure.actuator({.tenant = "t"}).observe();
  REQUIRE(!refused.has_value());
  CHECK(refused.error().message == "Azure: token for application app: status 401: invalid_client: AADSTS7000215: Invalid client secret ");
  CHECK(azure.api.calls()[0].url == "https://login.microsoftonline.com/t/oauth2/v2.0/token");
  CHECK(azure.api.calls()[0].body ==
        "grant_type=client_credentials&client_id=app&client_secret=p%26ss&scope=https%3A%2F%2Fmanagement.azure.com%2F.default");
  CHECK(azure.actuator().observe().error().message.find("needs a tenant") != std::string::npos);
  CHECK(azure.actuator({.secret_file = "/nonexistent"}).observe().error().message.find("/nonexistent") != std::string::npos);
  CHECK(azure.api.calls().size() == 1);
}

TEST_CASE("Azure's throttling says when to come back, and what goes on there may be over later") {
  Subscription azure;
  auto actuator = azure.actuator();
  azure.api.then(200, Token);
  azure.api.then(429, "", {{"retry-after", "17"}});
  CHECK(actuator.observe().error().retry_after == 17s);
  azure.api.then(409, R"({"error":{"code":"OperationNotAllowed","message":"quota"}})");
  const auto busy = actuator.observe();
  CHECK(busy.error().may_retry == MayRetry::Yes);
  CHECK(busy.error().message == "Azure: scale set gpus: status 409: OperationNotAllowed: quota");
}

}  // namespace
}  // namespace evener::actuators
