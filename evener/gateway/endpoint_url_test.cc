#include "evener/gateway/endpoint_url.h"

#include <doctest/doctest.h>

#include <string>
#include <vector>

namespace evener::gateway {
namespace {

TEST_CASE("an endpoint's URL is taken apart into target, Host header and path prefix") {
  struct Case {
    const char* url;
    const char* host;
    std::uint16_t port;
    const char* header;
    const char* prefix;
  };
  for (const Case& c : std::vector<Case>{{"http://gpu-1", "gpu-1", 80, "gpu-1", ""},
                                         {"http://gpu-1/", "gpu-1", 80, "gpu-1", ""},
                                         {"http://gpu-1:8000", "gpu-1", 8000, "gpu-1:8000", ""},
                                         {"http://gpu-1:8000/", "gpu-1", 8000, "gpu-1:8000", ""},
                                         {"http://gpu-1:8000/v1", "gpu-1", 8000, "gpu-1:8000", "/v1"},
                                         {"http://gpu-1:8000/a/b//", "gpu-1", 8000, "gpu-1:8000", "/a/b"},
                                         {"http://10.0.0.7:1", "10.0.0.7", 1, "10.0.0.7:1", ""},
                                         {"http://10.0.0.7:65535", "10.0.0.7", 65535, "10.0.0.7:65535", ""},
                                         {"http://[::1]", "::1", 80, "[::1]", ""},
                                         {"http://[::1]/v1", "::1", 80, "[::1]", "/v1"},
                                         {"http://[2001:db8::1]:8000/v1/", "2001:db8::1", 8000, "[2001:db8::1]:8000", "/v1"}}) {
    CAPTURE(c.url);
    const auto parsed = parse_endpoint_url(c.url);
    REQUIRE(parsed.has_value());
    CHECK(parsed->target.host == c.host);
    CHECK(parsed->target.port == c.port);
    CHECK(parsed->host_header == c.header);
    CHECK(parsed->path_prefix == c.prefix);
  }
}

TEST_CASE("a URL that is anything else is refused with the URL in the message") {
  for (const char* url : {"",
                          "gpu-1:8000",
                          "//gpu-1",
                          "http:/gpu-1",
                          "http://",
                          "http:///v1",
                          "HTTP://gpu-1",
                          "ftp://gpu-1",
                          "unix:///run/x",
                          "http://user@gpu-1",
                          "http://user:secret@gpu-1:80",
                          "http://gpu-1?x=1",
                          "http://gpu-1/v1?x",
                          "http://gpu-1#top",
                          "http://gpu-1/a b",
                          "http://gpu-1\t",
                          "http://gpu-1\r\nX: y",
                          "http://gp\xc3\xbc",
                          "http://gpu-1\\v1",
                          "http://gpu-1:",
                          "http://gpu-1:0",
                          "http://gpu-1:65536",
                          "http://gpu-1:-1",
                          "http://gpu-1:80x",
                          "http://gpu-1:80:81",
                          "http://:80",
                          "http://[::1",
                          "http://[]",
                          "http://[::1]x",
                          "http://[::1]:",
                          "http://[::1]:0",
                          "http://::1",
                          "http://::1:80"}) {
    CAPTURE(url);
    const auto parsed = parse_endpoint_url(url);
    REQUIRE(!parsed.has_value());
    CHECK(parsed.error().fault == Fault::Client);
    CHECK(!parsed.error().message.empty());
  }
}

TEST_CASE("https is refused with what to do instead") {
  const auto parsed = parse_endpoint_url("https://api.example");
  REQUIRE(!parsed.has_value());
  CHECK(parsed.error().message.find("https://api.example") != std::string::npos);
  CHECK(parsed.error().message.find("TLS") != std::string::npos);
}

}  // namespace
}  // namespace evener::gateway
