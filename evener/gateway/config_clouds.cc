#include "evener/gateway/config_clouds.h"

namespace evener::gateway {
namespace {

using namespace evener::config;  // the vocabulary of descriptions
using std::chrono::milliseconds;
using std::chrono::minutes;

Of<std::string> name(std::string what) { return text({.what = std::move(what), .bytes_max = 256}); }
Of<std::string> path(std::string what) { return text({.what = std::move(what), .bytes_max = 4096}); }

std::string check_base_url(std::string_view url) {
  const std::string wrong = actuators::check_call_url(std::string(url), actuators::PlainHttp::LocalOnly);
  if (!wrong.empty()) return "a URL https://host[:port]; " + wrong;
  return url.ends_with('/') || url.find('?') != std::string_view::npos ? "a URL https://host[:port] without a slash or query at its end"
                                                                       : "";
}
Of<std::string> base_url() { return text({.what = "a URL https://host[:port]", .bytes_max = 1024, .check = check_base_url}); }

// It becomes part of a host's name.
std::string check_region(std::string_view region) {
  return region.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789-") == std::string_view::npos ? "" : "a region such as eu-central-1";
}

Of<std::uint16_t> port() { return whole_number<std::uint16_t>({0, 65535}); }
const FieldText PortText{.doc = "That engines listen on. 0: their addresses are not told, so the pool gets no endpoints of them."};

Of<Duration> timeout() { return duration({milliseconds(100), minutes(2)}); }
const FieldText TimeoutText{.doc = "Longest wait for one answer."};

}  // namespace

Of<actuators::KubernetesSettings> describe_kubernetes() {
  using K = actuators::KubernetesSettings;
  return Describe<K>("kubernetes", "Pods of Kubernetes, by the scale of a Deployment, a StatefulSet or any resource that has one.")
      .field("resource", &K::resource,
             text({.what = "GROUP/VERSION/PLURAL", .bytes_max = 256, .may_be_empty = false, .check = actuators::check_kube_resource}),
             {.doc = "What is scaled: apps/v1/deployments, apps/v1/statefulsets, or a custom resource such as "
                     "leaderworkerset.x-k8s.io/v1/leaderworkersets."})
      .field("namespace", &K::name_space, name("a namespace"),
             {.doc = "Where it is. Empty: that of the pod or of the kubeconfig's context."})
      .field("name", &K::name, name("the name of the resource"), {.doc = "Its name."})
      .field("port", &K::port, port(), PortText)
      .field("kubeconfig", &K::kubeconfig, path("the path of a kubeconfig"),
             {.doc = "Who we are there. Empty: the service account of the pod that the gateway runs in."})
      .field("context", &K::context, name("a context of the kubeconfig"), {.doc = "Empty: its current one."})
      .field("timeout", &K::timeout, timeout(), TimeoutText)
      .done();
}

Of<actuators::AwsSettings> describe_aws() {
  using A = actuators::AwsSettings;
  return Describe<A>("aws",
                     "Instances of an Auto Scaling group of AWS. Keys are looked for where AWS's own tools look: AWS_ACCESS_KEY_ID, "
                     "~/.aws/credentials, the container, the instance.")
      .field("group", &A::group, name("the name of a group"), {.doc = "The group."})
      .field("region", &A::region, text({.what = "a region", .bytes_max = 64, .pattern = "^[a-z0-9-]*$", .check = check_region}),
             {.doc = "Where it is. Empty: AWS_REGION."})
      .field("port", &A::port, port(), PortText)
      .field("autoscaling_url", &A::autoscaling_url, base_url(), {.doc = "Of a private endpoint. Empty: the region's own."})
      .field("ec2_url", &A::ec2_url, base_url(), {.doc = "Of a private endpoint. Empty: the region's own."})
      .field("timeout", &A::timeout, timeout(), TimeoutText)
      .done();
}

Of<actuators::GoogleSettings> describe_google() {
  using G = actuators::GoogleSettings;
  return Describe<G>("gcp", "Instances of a managed instance group of Google Compute Engine.")
      .field("project", &G::project, name("a project"), {.doc = "The project."})
      .field("location", &G::location, name("a zone or region"), {.doc = "The group's zone (europe-west4-a) or region (europe-west4)."})
      .field("group", &G::group, name("the name of a group"), {.doc = "The group."})
      .field("port", &G::port, port(), PortText)
      .field("key_file", &G::key_file, path("the path of a file"),
             {.doc = "Key of a service account (JSON). Empty: GOOGLE_APPLICATION_CREDENTIALS, else the service account of the machine that "
                     "the gateway runs on."})
      .field("url", &G::url, base_url(), {.doc = "Of the API; another one for a private endpoint."})
      .field("timeout", &G::timeout, timeout(), TimeoutText)
      .done();
}

Of<actuators::AzureSettings> describe_azure() {
  using A = actuators::AzureSettings;
  using I = actuators::AzureIdentity;
  return Describe<A>("azure", "Instances of a virtual machine scale set of Azure with uniform orchestration.")
      .field("subscription", &A::subscription, name("the id of a subscription"), {.doc = "The subscription."})
      .field("resource_group", &A::resource_group, name("the name of a resource group"), {.doc = "The resource group."})
      .field("scale_set", &A::scale_set, name("the name of a scale set"), {.doc = "The scale set."})
      .field("port", &A::port, port(), PortText)
      .field("tenant", &A::identity, &I::tenant, name("a tenant"), {.doc = "Of the application. Empty: AZURE_TENANT_ID."})
      .field("client", &A::identity, &I::client, name("a client id"),
             {.doc = "Of the application (empty: AZURE_CLIENT_ID), or without a secret of the managed identity to use (empty: the "
                     "machine's only one)."})
      .field("secret_file", &A::identity, &I::secret_file, path("the path of a file"),
             {.doc = "File with the application's secret. Empty: AZURE_CLIENT_SECRET, else the managed identity of the machine that the "
                     "gateway runs on."})
      .field("url", &A::url, base_url(), {.doc = "Of the resource manager; another one in national clouds or for a private endpoint."})
      .field("login_url", &A::identity, &I::login_url, base_url(), {.doc = "Of the login server; another one in national clouds."})
      .field("metadata_url", &A::identity, &I::metadata_url, base_url(), {.doc = "Where the machine is told its tokens."})
      .field("timeout", &A::timeout, timeout(), TimeoutText)
      .done();
}

std::unique_ptr<actuators::Actuator> make_aws(const actuators::AwsSettings& settings) {
  return std::make_unique<actuators::MachineActuator>(
      std::make_unique<actuators::AwsGroup>(settings, actuators::real_cloud_world(settings.timeout)), settings.port);
}

std::unique_ptr<actuators::Actuator> make_google(const actuators::GoogleSettings& settings) {
  return std::make_unique<actuators::MachineActuator>(
      std::make_unique<actuators::GoogleGroup>(settings, actuators::real_cloud_world(settings.timeout)), settings.port);
}

std::unique_ptr<actuators::Actuator> make_azure(const actuators::AzureSettings& settings) {
  return std::make_unique<actuators::MachineActuator>(
      std::make_unique<actuators::AzureGroup>(settings, actuators::real_cloud_world(settings.timeout)), settings.port);
}

}  // namespace evener::gateway
