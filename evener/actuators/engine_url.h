#pragma once
// The URL of an engine that listens on a port of a machine or pod.

#include <cstdint>
#include <string>

namespace evener::actuators {

/// "http://10.0.0.1:8000"; an IPv6 address gets its brackets.
[[nodiscard]] inline std::string engine_url(const std::string& address, std::uint16_t port) {
  const bool v6 = address.find(':') != std::string::npos;
  return "http://" + (v6 ? "[" + address + "]" : address) + ":" + std::to_string(port);
}

}  // namespace evener::actuators
