#pragma once
// What the clouds' actuators ask of the world besides the API itself: the time of day, for signatures and for when a credential ends, and the environment.
// Tests give their own.

#include <cstdint>
#include <functional>
#include <string>

#include "evener/actuators/http_call.h"

namespace evener::actuators {

struct CloudWorld {
  HttpSend send;
  std::int64_t (*wall_ns)();                                     // since 1970 UTC
  std::function<std::string(const std::string& name)> variable;  // of the environment; empty if it is not set

  [[nodiscard]] std::int64_t wall_s() const { return wall_ns() / 1'000'000'000; }
};

/// This process's. No call takes longer than the time-out.
[[nodiscard]] CloudWorld real_cloud_world(Duration timeout);

}  // namespace evener::actuators
