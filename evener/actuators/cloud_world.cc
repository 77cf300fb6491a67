#include "evener/actuators/cloud_world.h"

#include <cstdlib>
#include <memory>

#include "evener/base/clock.h"

namespace evener::actuators {

CloudWorld real_cloud_world(Duration timeout) {
  // A function object has to be copyable, the caller is not.
  auto caller = std::make_shared<HttpCaller>(HttpSettings{.connect_timeout = timeout, .timeout = timeout});
  return {.send = [caller](const HttpCall& call) { return (*caller)(call); },
          .wall_ns = wall_clock_ns,
          .variable =
              [](const std::string& name) {
                const char* value = std::getenv(name.c_str());
                return std::string(value == nullptr ? "" : value);
              }};
}

}  // namespace evener::actuators
