#pragma once
// The few values of Kubernetes' objects that scaling needs, read from the API's JSON: of a Scale how many replicas are wanted, of pods which are
// ready, where, and what is in the way of the others.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace evener::actuators {

/// autoscaling/v1 Scale, as every resource that can be scaled has it.
struct KubeScale {
  std::string resource_version;
  std::uint32_t replicas = 0;          // wanted
  std::uint32_t current_replicas = 0;  // there, ready or not
  std::string selector;                // labels of its pods, as text; empty = the resource does not say
};
[[nodiscard]] std::optional<KubeScale> read_kube_scale(std::string_view json);
/// The same Scale with another number, for a PUT that is refused if it was changed in between.
[[nodiscard]] std::string kube_scale_text(const std::string& name_space, const std::string& name, const std::string& resource_version,
                                          std::uint32_t replicas);

/// Annotation of a pod: of a ReplicaSet that shrinks those with the lowest number go first; 0 without it.
/// https://kubernetes.io/docs/concepts/workloads/controllers/replicaset/#pod-deletion-cost
inline constexpr std::string_view PodDeletionCost = "controller.kubernetes.io/pod-deletion-cost";
inline constexpr std::string_view DrainedCost = "-1000";  // as we write it

struct KubePod {
  std::string name;
  std::string address;  // empty until it has one
  bool ready = false;   // and not about to end
  bool ending = false;
  bool marked = false;  // with DrainedCost
  std::string trouble;  // "ImagePullBackOff: ...", "Unschedulable: ..."; empty if nothing is said to be wrong
};
struct KubePodList {
  std::vector<KubePod> pods;
  std::string resource_version;
  std::string next;  // token for the rest; empty = this is all
};
[[nodiscard]] std::optional<KubePodList> read_kube_pods(std::string_view json);

/// One line of a watch on pods. Nothing for what is not understood, also for the event that says that the watch must begin anew.
struct KubePodEvent {
  enum class Kind : std::uint8_t { Changed, Deleted, Bookmark };
  Kind kind = Kind::Changed;
  KubePod pod;  // empty for a bookmark
  std::string resource_version;
};
[[nodiscard]] std::optional<KubePodEvent> read_kube_pod_event(std::string_view json);

/// What a Status object says that came instead; empty if it is none.
[[nodiscard]] std::string kube_status_message(std::string_view json);

}  // namespace evener::actuators
