#pragma once
// The pods behind a selector, kept up by what a watch tells: a list to begin with, then one event per line. Values only; whoever has the connection feeds it.
// https://kubernetes.io/docs/reference/using-api/api-concepts/#efficient-detection-of-changes

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "evener/actuators/kube_objects.h"

namespace evener::actuators {

/// Not thread-safe.
class KubePodTable {
 public:
  /// Of one event; etcd takes objects of at most 1.5 MiB.
  static constexpr std::size_t LineBytesMax = 4U << 20;
  static constexpr std::size_t PodsMax = 10'000;

  void replace(std::vector<KubePod> pods, std::string resource_version);

  enum class Fed : std::uint8_t { Ok, ListAnew };  // ListAnew: the server forgot what came since, or what it said makes no sense
  /// Bytes of a watch as they come, events cut anywhere.
  [[nodiscard]] Fed feed(std::string_view bytes);
  /// The rest of an event that was cut off will not come.
  void forget_rest() { rest_.clear(); }

  [[nodiscard]] std::vector<KubePod> pods() const;
  /// From which to watch on.
  [[nodiscard]] const std::string& resource_version() const { return resource_version_; }

 private:
  [[nodiscard]] Fed take(std::string_view line);

  std::map<std::string, KubePod, std::less<>> pods_;
  std::string resource_version_;
  std::string rest_;
};

}  // namespace evener::actuators
