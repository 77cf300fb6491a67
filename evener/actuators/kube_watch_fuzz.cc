// Any bytes as a watch, in two pieces: the pods are the same as in one, or they are to be listed anew either way.

#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "evener/actuators/kube_pod_table.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace evener::actuators;
  using Fed = KubePodTable::Fed;
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const std::size_t cut = size / 2;
  KubePodTable whole, pieces;
  const Fed all = whole.feed(bytes), first = pieces.feed(bytes.substr(0, cut));
  const Fed second = first == Fed::Ok ? pieces.feed(bytes.substr(cut)) : first;
  if (all != second) std::abort();
  if (all == Fed::ListAnew) return 0;
  const auto a = whole.pods(), b = pieces.pods();
  if (a.size() != b.size() || whole.resource_version() != pieces.resource_version()) std::abort();
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (a[i].name.empty() || a[i].name != b[i].name || a[i].address != b[i].address) std::abort();
  }
  return 0;
}
