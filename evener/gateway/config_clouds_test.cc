#include "evener/gateway/config_clouds.h"

#include <doctest/doctest.h>

#include "evener/gateway/config_schema.h"

namespace evener::gateway {
namespace {

std::string config_of(const std::string& actuator) {
  return "pools:\n- name: p\n  models: [m]\n  scale:\n    actuator: " + actuator + "\n";
}

std::string problem(const std::string& actuator) {
  const auto config = read_config("c", config_of(actuator));
  return config ? "none" : config.error().front().message;
}

TEST_CASE("pods and machines of clouds are described by where they are, who we are there comes from outside unless it is said") {
  const auto config = read_config(
      "c", config_of("{kind: kubernetes, kubernetes: {resource: apps/v1/statefulsets, namespace: llm, name: vllm, port: 9000}}"));
  REQUIRE(config.has_value());
  const actuators::KubernetesSettings& kubernetes = config->pools[0].scale.actuator.kubernetes;
  CHECK(kubernetes.resource == "apps/v1/statefulsets");
  CHECK(kubernetes.name_space == "llm");
  CHECK(kubernetes.port == 9000);
  CHECK(problem("{kind: aws, aws: {group: g, region: eu-central-1}}") == "none");
  CHECK(problem("{kind: gcp, gcp: {project: p, location: europe-west4, group: g}}") == "none");
  CHECK(problem("{kind: azure, azure: {subscription: s, resource_group: r, scale_set: v, tenant: t, client: c, secret_file: f}}") ==
        "none");
}

TEST_CASE("what an actuator cannot do without is named") {
  CHECK(problem("{kind: kubernetes}").find("kubernetes.name") != std::string::npos);
  CHECK(problem("{kind: aws}").find("aws.group") != std::string::npos);
  CHECK(problem("{kind: gcp, gcp: {project: p, group: g}}").find("gcp.location") != std::string::npos);
  CHECK(problem("{kind: azure, azure: {subscription: s, scale_set: v}}").find("azure.resource_group") != std::string::npos);
}

TEST_CASE("an address that credentials would be sent to without TLS is refused, but for this machine") {
  CHECK(problem("{kind: aws, aws: {group: g, ec2_url: \"http://ec2.example\"}}").find("https only") != std::string::npos);
  CHECK(problem("{kind: gcp, gcp: {project: p, location: l, group: g, url: \"https://a.example/\"}}").find("without a slash") !=
        std::string::npos);
  CHECK(problem("{kind: aws, aws: {group: g, ec2_url: \"http://127.0.0.1:8080\"}}") == "none");
  CHECK(problem("{kind: aws, aws: {group: g, region: \"example.com/\"}}").find("a region") != std::string::npos);
  CHECK(problem("{kind: kubernetes, kubernetes: {name: n, resource: deployments}}").find("GROUP/VERSION/PLURAL") != std::string::npos);
}

}  // namespace
}  // namespace evener::gateway
