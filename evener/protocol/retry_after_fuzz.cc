// Any Retry-After comes out as a time from nothing to an hour.

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "evener/protocol/retry_after.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view value(reinterpret_cast<const char*>(data), size);
  const auto wall_ns = []() -> std::int64_t { return 784'111'777'000'000'000; };
  const evener::Duration asked = evener::protocol::parse_retry_after(value, wall_ns);
  if (asked < evener::Duration::zero() || asked > evener::protocol::RetryAfterMax) std::abort();
  return 0;
}
