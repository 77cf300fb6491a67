#include "evener/load/target.h"

namespace evener::load {

Result<Target> resolve_target(std::string_view url) {
  const std::string whole(url);
  if (url.starts_with("https://")) return fail(whole + ": https is not supported by the load generator; use http", Fault::Client);
  if (url.starts_with("http://")) url.remove_prefix(7);
  const std::size_t slash = url.find('/');
  std::string host(url.substr(0, slash));
  std::string path(slash == std::string_view::npos ? "" : url.substr(slash));
  while (path.ends_with('/')) path.pop_back();
  if (path.ends_with("/v1")) path.resize(path.size() - 3);
  const bool bare_v6 = host.starts_with('[') && host.ends_with(']');
  if (bare_v6 || host.find(':') == std::string::npos) host += ":80";
  const auto parts = net::split_host_port(host);
  if (!parts) return fail(whole + ": " + parts.error().message, Fault::Client);
  auto addresses = net::resolve(parts->host, parts->port);
  if (!addresses) return fail(whole + ": " + addresses.error().message, addresses.error().fault);
  return Target{.addresses = std::move(*addresses), .host = std::move(host), .base_path = std::move(path)};
}

}  // namespace evener::load
