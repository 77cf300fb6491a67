#pragma once
// Pods of Kubernetes as replicas: sets the scale of a Deployment, a StatefulSet, or any other resource that has the scale subresource, and finds its pods
// by the selector that the scale tells. When it shrinks, pods that were drained are marked to go first, which ReplicaSets heed.

#include <cstdint>
#include <string>
#include <vector>

#include "evener/actuators/actuator.h"
#include "evener/actuators/kube_api.h"
#include "evener/actuators/kube_objects.h"
#include "evener/actuators/kube_pods.h"

namespace evener::actuators {

struct KubernetesSettings {
  std::string resource = "apps/v1/deployments";  // GROUP/VERSION/PLURAL, or VERSION/PLURAL of the core group
  std::string name_space;                        // empty = that of the credentials, else "default"
  std::string name;
  std::uint16_t port = 8000;  // that engines listen on in their pods; 0 = addresses are not told
  std::string kubeconfig;     // file; empty = the service account of the pod that this process runs in
  std::string context;        // of the kubeconfig; empty = its current one
  Duration timeout = std::chrono::seconds(10);

  bool operator==(const KubernetesSettings&) const = default;
};

/// What is wrong with the text of a resource, as the end of a sentence; empty if nothing is.
[[nodiscard]] std::string check_kube_resource(std::string_view resource);

/// Not thread-safe.
class KubernetesActuator final : public Actuator {
 public:
  /// A scale that somebody else changes at the same moment is read and set again, so often.
  static constexpr int ConflictsMax = 5;
  static constexpr std::size_t PageBytesMax = 32U << 20;  // of a list of pods

  explicit KubernetesActuator(KubernetesSettings settings);
  KubernetesActuator(KubernetesSettings settings, KubeApi::Load load, HttpConnect connect, HttpOpenStream open_stream);

  [[nodiscard]] std::string_view kind() const override { return "kubernetes"; }
  [[nodiscard]] Result<Replicas, ActuatorError> observe() override;
  [[nodiscard]] Result<Replicas, ActuatorError> set(const Wish& wish) override;

 private:
  [[nodiscard]] Result<std::string, ActuatorError> name_space();
  [[nodiscard]] Result<KubeRequest, ActuatorError> scale_request();
  [[nodiscard]] Result<KubeScale, ActuatorError> read_scale();
  [[nodiscard]] Result<KubeScale, ActuatorError> write_scale(std::uint32_t replicas);
  [[nodiscard]] Result<std::vector<KubePod>, ActuatorError> read_pods(const std::string& selector);
  /// These and no others: who was marked and then kept after all must not go in place of one that was drained. Gives what is in the way.
  [[nodiscard]] std::string mark_drained(const std::vector<KubePod>& pods, const std::vector<std::string>& endpoints);
  [[nodiscard]] Replicas replicas_of(const KubeScale& scale, const std::vector<KubePod>& pods) const;
  [[nodiscard]] std::string url_of(const KubePod& pod) const;

  KubernetesSettings settings_;
  KubeApi api_;
  KubePods pods_;
};

}  // namespace evener::actuators
