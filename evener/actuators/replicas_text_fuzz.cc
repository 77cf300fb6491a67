// Whatever a command writes: no crash, and no more addresses than allowed, each without a blank.

#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "evener/actuators/actuator.h"
#include "evener/actuators/replicas_text.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto said = evener::actuators::read_replicas_text({reinterpret_cast<const char*>(data), size});
  if (said.endpoints.size() > evener::actuators::AddressesMax) std::abort();
  for (const std::string& url : said.endpoints) {
    if (!url.starts_with("http://") || url.size() > evener::actuators::AddressBytesMax || url.find_first_of(" \t\r\n") != std::string::npos)
      std::abort();
  }
  return 0;
}
