// Any bytes as XML: read to a tree within its limits, or refused.

#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "evener/actuators/xml_reader.h"

namespace {

std::size_t count(const evener::actuators::XmlElement& element, std::size_t depth) {
  if (depth > evener::actuators::XmlDepthMax || element.name.empty()) std::abort();
  std::size_t all = 1;
  for (const auto& child : element.children) all += count(child, depth + 1);
  return all;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto root = evener::actuators::read_xml({reinterpret_cast<const char*>(data), size});
  if (root && count(*root, 1) > evener::actuators::XmlElementsMax) std::abort();
  return 0;
}
