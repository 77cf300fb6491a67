#include "evener/gateway/endpoint_url.h"

#include <algorithm>

namespace evener::gateway {

Result<EndpointUrl> parse_endpoint_url(std::string_view url) {
  const std::string shown(url);
  if (url.starts_with("https://")) {
    return fail("\"" + shown + "\": TLS to endpoints is not supported yet; put a local TLS forwarder in front and use http://", Fault::Client);
  }
  constexpr std::string_view scheme = "http://";
  if (!url.starts_with(scheme)) return fail("\"" + shown + "\" must be http://host[:port][/prefix]", Fault::Client);
  url.remove_prefix(scheme.size());
  const std::size_t slash = url.find('/');
  std::string_view authority = url.substr(0, slash);
  std::string_view path = slash == std::string_view::npos ? std::string_view() : url.substr(slash);
  const bool plain = std::all_of(shown.begin(), shown.end(), [](char c) { return c > ' ' && c < 0x7f; });
  if (!plain || authority.empty() || shown.find_first_of("@?#\\") != std::string::npos) {
    return fail("\"" + shown + "\" must be http://host[:port][/prefix], without user, query or fragment", Fault::Client);
  }
  EndpointUrl parsed;
  parsed.host_header = authority;
  const bool bracketed = authority.starts_with('[');
  const bool has_port = bracketed ? authority.find("]:") != std::string_view::npos : authority.find(':') != std::string_view::npos;
  const auto target = net::split_host_port(has_port ? std::string(authority) : std::string(authority) + ":80");
  if (!target) return tl::unexpected(target.error());
  if (target->port == 0) return fail("\"" + shown + "\": the port must be 1..65535", Fault::Client);
  parsed.target = *target;
  while (path.ends_with('/')) path.remove_suffix(1);
  parsed.path_prefix = path;
  return parsed;
}

}  // namespace evener::gateway
