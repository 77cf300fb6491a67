#pragma once
// The pods behind a selector, listed once and then kept up by a watch, so that looking again costs the server nothing. Where no watch can be had, and whenever
// one breaks off, they are listed anew.

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "evener/actuators/actuator.h"
#include "evener/actuators/http_stream.h"
#include "evener/actuators/kube_api.h"
#include "evener/actuators/kube_pod_table.h"

namespace evener::actuators {

/// For one thread at a time. The API must outlive it.
class KubePods {
 public:
  static constexpr std::size_t PodsPerPage = 500;
  /// The server ends a watch after this time; it then goes on from where it was.
  static constexpr int WatchLastsS = 300;

  explicit KubePods(KubeApi& api) : api_(api) {}

  [[nodiscard]] Result<std::vector<KubePod>, ActuatorError> read(const std::string& name_space, const std::string& selector);

 private:
  /// Takes what the watch has told. False if there is none, or it can tell no more.
  [[nodiscard]] bool catch_up();
  void watch();
  [[nodiscard]] Result<void, ActuatorError> list();

  KubeApi& api_;
  std::string name_space_, selector_;
  KubePodTable table_;
  std::unique_ptr<ByteStream> stream_;
};

}  // namespace evener::actuators
