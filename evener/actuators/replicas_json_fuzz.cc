// Whatever a webhook answers: no crash, and no more addresses than allowed.

#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "evener/actuators/actuator.h"
#include "evener/actuators/replicas_json.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto said = evener::actuators::read_replicas_json({reinterpret_cast<const char*>(data), size}, evener::actuators::Silence::Allowed);
  if (!said) return said.error().empty() ? (std::abort(), 0) : 0;
  if (said->endpoints.size() > evener::actuators::AddressesMax) std::abort();
  for (const std::string& url : said->endpoints) {
    if (!url.starts_with("http://") || url.size() > evener::actuators::AddressBytesMax) std::abort();
  }
  return 0;
}
