#pragma once
// Plain values for the small HTTP/1.1 server and client in this folder. They serve the control plane, the emulated engine and the load
// generator; the gateway's data path has its own streaming code.

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace evener::net {

using HeaderList = std::vector<std::pair<std::string, std::string>>;

/// First value of the header, ASCII case ignored; empty when absent.
[[nodiscard]] std::string_view header_value(const HeaderList& headers, std::string_view name);

struct HttpRequest {
  std::string method = "GET";
  std::string path = "/";       // without the query
  std::string query;            // without '?'
  HeaderList headers;           // without framing headers; the client adds Host and Content-Length itself
  std::string body;
};

struct HttpResponse {
  std::uint16_t status = 200;
  HeaderList headers;           // without framing headers
  std::string body;
};

}  // namespace evener::net
