#pragma once
// Where requests go: the parts of http://host:port/path, resolved.

#include <string>
#include <string_view>
#include <vector>

#include "evener/core/result.h"
#include "evener/net/address.h"

namespace evener::load {

struct Target {
  std::vector<net::Address> addresses;  // at least one, in the system's order of preference
  std::string host;                     // of the Host header, with its port
  std::string base_path;                // "" or "/proxy": put before /v1/...
};

/// Blocks while it looks the name up. The port defaults to 80; a path that ends in /v1 is taken without it.
[[nodiscard]] Result<Target> resolve_target(std::string_view url);

}  // namespace evener::load
