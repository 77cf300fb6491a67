// Any bytes as the answer of an API server: read to values or refused.

#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "evener/actuators/kube_objects.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace evener::actuators;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (const auto scale = read_kube_scale(text)) {
    const auto again = read_kube_scale(kube_scale_text("n", "d", scale->resource_version, scale->replicas));
    if (!again || again->replicas != scale->replicas) std::abort();
  }
  if (const auto list = read_kube_pods(text)) {
    for (const KubePod& pod : list->pods) {
      if (pod.ready && pod.ending) std::abort();
    }
  }
  if (kube_status_message(text).size() > size * 3) std::abort();
  return 0;
}
