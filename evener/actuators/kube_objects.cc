#include "evener/actuators/kube_objects.h"

#include "evener/actuators/json_answer.h"
#include "evener/base/json_writer.h"

namespace evener::actuators {
namespace {

using protocol::JsonKind;
using protocol::JsonValue;

std::string with_message(const std::string& reason, const std::string& message) {
  return message.empty() ? reason : reason + ": " + message;
}

/// The container that waits for something else than its turn, or why no node takes the pod.
std::string trouble_of(const JsonValue& pod) {
  for (const JsonValue& container : elements_at(pod, {"status", "containerStatuses"})) {
    const std::string reason = text_at(container, {"state", "waiting", "reason"});
    if (!reason.empty() && reason != "ContainerCreating" && reason != "PodInitializing") {
      return with_message(reason, text_at(container, {"state", "waiting", "message"}));
    }
  }
  for (const JsonValue& condition : elements_at(pod, {"status", "conditions"})) {
    if (text_at(condition, {"type"}) == "PodScheduled" && text_at(condition, {"status"}) == "False") {
      return with_message(text_at(condition, {"reason"}), text_at(condition, {"message"}));
    }
  }
  return {};
}

bool has_true_condition(const JsonValue& pod, std::string_view type) {
  for (const JsonValue& condition : elements_at(pod, {"status", "conditions"})) {
    if (text_at(condition, {"type"}) == type) return text_at(condition, {"status"}) == "True";
  }
  return false;
}

KubePod read_pod(const JsonValue& pod) {
  KubePod read{.name = text_at(pod, {"metadata", "name"}), .address = text_at(pod, {"status", "podIP"}), .trouble = trouble_of(pod)};
  const std::string phase = text_at(pod, {"status", "phase"});
  read.ending = value_at(pod, {"metadata", "deletionTimestamp"}).has_value() || phase == "Succeeded" || phase == "Failed";
  read.marked = text_at(pod, {"metadata", "annotations", PodDeletionCost}) == DrainedCost;
  read.ready = !read.ending && has_true_condition(pod, "Ready");
  return read;
}

}  // namespace

std::optional<KubeScale> read_kube_scale(std::string_view json) {
  const auto scale = json_object(json);
  if (!scale || text_at(*scale, {"kind"}) != "Scale") return std::nullopt;
  const auto spec = value_at(*scale, {"spec"});
  if (!spec || spec->kind != JsonKind::Object) return std::nullopt;
  // A number that is 0 is left out of the text; one that is no number is not.
  const auto count = [&](JsonPath path) { return value_at(*scale, path) ? count_at(*scale, path) : std::optional<std::uint32_t>(0); };
  const auto replicas = count({"spec", "replicas"}), current = count({"status", "replicas"});
  if (!replicas || !current) return std::nullopt;
  return KubeScale{.resource_version = text_at(*scale, {"metadata", "resourceVersion"}),
                   .replicas = *replicas,
                   .current_replicas = *current,
                   .selector = text_at(*scale, {"status", "selector"})};
}

std::string kube_scale_text(const std::string& name_space, const std::string& name, const std::string& resource_version,
                            std::uint32_t replicas) {
  std::string out;
  JsonWriter json(out);
  json.begin_object().member("apiVersion", "autoscaling/v1").member("kind", "Scale");
  json.key("metadata")
      .begin_object()
      .member("name", name)
      .member("namespace", name_space)
      .member("resourceVersion", resource_version)
      .end_object();
  json.key("spec").begin_object().member("replicas", replicas).end_object().end_object();
  return out;
}

std::optional<KubePodList> read_kube_pods(std::string_view json) {
  const auto list = json_object(json);
  if (!list || text_at(*list, {"kind"}) != "PodList") return std::nullopt;
  KubePodList read{
      .pods = {}, .resource_version = text_at(*list, {"metadata", "resourceVersion"}), .next = text_at(*list, {"metadata", "continue"})};
  for (const JsonValue& pod : elements_at(*list, {"items"})) read.pods.push_back(read_pod(pod));
  return read;
}

std::optional<KubePodEvent> read_kube_pod_event(std::string_view json) {
  const auto event = json_object(json);
  const auto object = event ? value_at(*event, {"object"}) : std::nullopt;
  if (!object) return std::nullopt;
  const std::string type = text_at(*event, {"type"});
  KubePodEvent read{.kind = KubePodEvent::Kind::Changed, .pod = {}, .resource_version = text_at(*object, {"metadata", "resourceVersion"})};
  if (read.resource_version.empty()) return std::nullopt;
  if (type == "BOOKMARK") {
    read.kind = KubePodEvent::Kind::Bookmark;
    return read;
  }
  if (type == "DELETED") read.kind = KubePodEvent::Kind::Deleted;
  if (type != "DELETED" && type != "ADDED" && type != "MODIFIED") return std::nullopt;
  read.pod = read_pod(*object);
  if (read.pod.name.empty()) return std::nullopt;
  return read;
}

std::string kube_status_message(std::string_view json) {
  const auto status = json_object(json);
  if (!status || text_at(*status, {"kind"}) != "Status") return {};
  return text_at(*status, {"message"});
}

}  // namespace evener::actuators
