#include "evener/actuators/kubernetes_actuator.h"

#include <algorithm>
#include <cstdlib>

#include "evener/actuators/api_error.h"
#include "evener/actuators/engine_url.h"
#include "evener/actuators/percent.h"
#include "evener/base/json_writer.h"

namespace evener::actuators {
namespace {

constexpr int Conflict = 409;

KubeApi::Load loader(const KubernetesSettings& settings) {
  return [kubeconfig = settings.kubeconfig, context = settings.context] {
    if (!kubeconfig.empty()) return load_kubeconfig(kubeconfig, context);
    return load_service_account(std::string(ServiceAccountFolder), std::getenv("KUBERNETES_SERVICE_HOST"),
                                std::getenv("KUBERNETES_SERVICE_PORT"));
  };
}

HttpSettings limits(const KubernetesSettings& settings) {
  return {.connect_timeout = settings.timeout, .timeout = settings.timeout, .answer_bytes_max = KubernetesActuator::PageBytesMax};
}

/// apps/v1/deployments lies below /apis/, v1/pods below /api/.
std::string api_root(std::string_view resource) { return std::count(resource.begin(), resource.end(), '/') == 1 ? "/api/" : "/apis/"; }

std::string plural_of(const std::string& resource) { return resource.substr(resource.rfind('/') + 1); }

}  // namespace

std::string check_kube_resource(std::string_view resource) {
  constexpr std::string_view allowed = "abcdefghijklmnopqrstuvwxyz0123456789-./";
  const auto slashes = std::count(resource.begin(), resource.end(), '/');
  const bool has_empty_part = resource.starts_with('/') || resource.ends_with('/') || resource.find("//") != std::string_view::npos;
  if (resource.find_first_not_of(allowed) != std::string_view::npos || slashes < 1 || slashes > 2 || has_empty_part) {
    return "GROUP/VERSION/PLURAL in small letters (such as apps/v1/deployments)";
  }
  return {};
}

KubernetesActuator::KubernetesActuator(KubernetesSettings settings)
    : KubernetesActuator(settings, loader(settings), http_connect, open_http_stream) {}

KubernetesActuator::KubernetesActuator(KubernetesSettings settings, KubeApi::Load load, HttpConnect connect, HttpOpenStream open_stream)
    : settings_(std::move(settings)), api_(std::move(load), limits(settings_), std::move(connect), std::move(open_stream)), pods_(api_) {}

Result<Replicas, ActuatorError> KubernetesActuator::observe() {
  const auto scale = read_scale();
  if (!scale) return tl::unexpected(scale.error());
  const auto pods = read_pods(scale->selector);
  if (!pods) return tl::unexpected(pods.error());
  return replicas_of(*scale, *pods);
}

Result<Replicas, ActuatorError> KubernetesActuator::set(const Wish& wish) {
  const auto before = read_scale();
  if (!before) return tl::unexpected(before.error());
  const auto pods = read_pods(before->selector);
  if (!pods) return tl::unexpected(pods.error());
  std::string trouble;
  if (wish.replicas < before->replicas) trouble = mark_drained(*pods, wish.stop_first);
  const auto after = wish.replicas == before->replicas ? before : write_scale(wish.replicas);
  if (!after) return tl::unexpected(after.error());
  Replicas replicas = replicas_of(*after, *pods);
  if (!trouble.empty()) replicas.trouble = std::move(trouble);
  return replicas;
}

Result<std::string, ActuatorError> KubernetesActuator::name_space() {
  if (!settings_.name_space.empty()) return settings_.name_space;
  auto own = api_.name_space();
  if (own && own->empty()) own = "default";
  return own;
}

Result<KubeRequest, ActuatorError> KubernetesActuator::scale_request() {
  const auto space = name_space();
  if (!space) return tl::unexpected(space.error());
  const std::string &resource = settings_.resource, plural = plural_of(resource);
  const std::string group_version = resource.substr(0, resource.size() - plural.size());
  return KubeRequest{.what = "scale of " + plural + "/" + settings_.name + " in " + *space,
                     .path = api_root(resource) + group_version + "namespaces/" + percent_encoded(*space) + "/" + plural + "/" +
                             percent_encoded(settings_.name) + "/scale"};
}

Result<KubeScale, ActuatorError> KubernetesActuator::read_scale() {
  const auto request = scale_request();
  if (!request) return tl::unexpected(request.error());
  const auto answer = api_(*request);
  if (!answer) return tl::unexpected(answer.error());
  auto scale = read_kube_scale(answer->body);
  if (!scale) return tl::unexpected(not_understood("Kubernetes: " + request->what, "no Scale"));
  return std::move(*scale);
}

Result<KubeScale, ActuatorError> KubernetesActuator::write_scale(std::uint32_t replicas) {
  for (int tries = 1;; ++tries) {
    // The version that a PUT replaces must be the newest; what was read for the list of pods may be old by now.
    auto scale = read_scale();
    if (!scale) return scale;
    if (scale->replicas == replicas) return scale;
    const auto space = name_space();
    auto request = scale_request();
    if (!space || !request) return tl::unexpected(space ? request.error() : space.error());
    request->method = "PUT";
    request->content_type = "application/json";
    request->body = kube_scale_text(*space, settings_.name, scale->resource_version, replicas);
    const auto answer = api_(*request, tries < ConflictsMax ? Conflict : 0);
    if (!answer) return tl::unexpected(answer.error());
    if (answer->status == Conflict) continue;
    scale->replicas = replicas;
    return scale;
  }
}

Result<std::vector<KubePod>, ActuatorError> KubernetesActuator::read_pods(const std::string& selector) {
  if (selector.empty()) return std::vector<KubePod>();
  const auto space = name_space();
  if (!space) return tl::unexpected(space.error());
  return pods_.read(*space, selector);
}

std::string KubernetesActuator::mark_drained(const std::vector<KubePod>& pods, const std::vector<std::string>& endpoints) {
  const auto space = name_space();
  if (!space) return space.error().message;
  for (const KubePod& pod : pods) {
    const bool drained = std::find(endpoints.begin(), endpoints.end(), url_of(pod)) != endpoints.end();
    if (pod.ending || pod.marked == drained) continue;
    std::string body;
    JsonWriter json(body);
    json.begin_object().key("metadata").begin_object().key("annotations").begin_object().key(PodDeletionCost);
    drained ? json.value(DrainedCost) : json.null();
    json.end_object().end_object().end_object();
    const auto answer = api_({.what = "pod " + pod.name + " in " + *space,
                              .method = "PATCH",
                              .path = "/api/v1/namespaces/" + percent_encoded(*space) + "/pods/" + percent_encoded(pod.name),
                              .content_type = "application/merge-patch+json",
                              .body = std::move(body)});
    if (!answer) return "which pods are drained could not be told, so others may go: " + answer.error().message;
  }
  return {};
}

Replicas KubernetesActuator::replicas_of(const KubeScale& scale, const std::vector<KubePod>& pods) const {
  Replicas replicas{
      .desired = scale.replicas, .ready = scale.selector.empty() ? scale.current_replicas : 0, .endpoints = {}, .trouble = {}};
  for (const KubePod& pod : pods) {
    if (pod.ending) continue;
    if (pod.ready) ++replicas.ready;
    if (!pod.address.empty() && settings_.port != 0) replicas.endpoints.push_back(url_of(pod));
    if (replicas.trouble.empty() && !pod.ready && !pod.trouble.empty())
      replicas.trouble = "pod " + pod.name + ": " + api_words(pod.trouble);
  }
  std::sort(replicas.endpoints.begin(), replicas.endpoints.end());
  return replicas;
}

std::string KubernetesActuator::url_of(const KubePod& pod) const { return engine_url(pod.address, settings_.port); }

}  // namespace evener::actuators
