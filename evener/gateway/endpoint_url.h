#pragma once
// The URL of an endpoint, taken apart.

#include <string>
#include <string_view>

#include "evener/core/result.h"
#include "evener/net/address.h"

namespace evener::gateway {

struct EndpointUrl {
  net::HostPort target;      // port 80 when the URL has none
  std::string host_header;   // "host" or "host:port"
  std::string path_prefix;   // without a trailing '/', empty for the root
};

/// http://host[:port][/prefix]. Refuses other schemes, user names, queries and fragments.
[[nodiscard]] Result<EndpointUrl> parse_endpoint_url(std::string_view url);

}  // namespace evener::gateway
