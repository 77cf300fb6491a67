#pragma once
// HttpCaller: one HTTP request at a time to an API of somebody else, and its whole answer, over TLS that is always verified. For threads that may
// block, and for a few requests per second; requests that are balanced go through net/. It follows no redirect, uses no proxy that is
// not named, keeps no cookies, and knows nothing of what the answer means.

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "evener/base/secret.h"
#include "evener/core/result.h"
#include "evener/core/time.h"

namespace evener::actuators {

inline constexpr std::size_t HttpAnswerHeadersMax = 100;  // further ones are left out
inline constexpr std::size_t HttpUrlBytesMax = 8192;

/// Where requests may go without TLS. Beside this machine's loopback these are the link-local addresses at which clouds tell a machine its
/// credentials: no router passes them on.
enum class PlainHttp : std::uint8_t { LocalOnly, Anywhere };

struct HttpSettings {
  std::string ca_file;  // PEM; with one of these two, the authorities of the system count no more
  std::string ca_data;
  Secret certificate, key;  // PEM, for servers that want to know who asks; both or none
  std::string proxy;        // URL; empty = none, whatever the environment says
  PlainHttp plain_http = PlainHttp::LocalOnly;
  Duration connect_timeout = std::chrono::seconds(5);
  Duration timeout = std::chrono::seconds(15);  // of the whole call
  std::size_t answer_bytes_max = 4U << 20;      // of the body; the call fails beyond
};

struct HttpHeader {
  std::string name;
  Secret value;  // any of them may be a credential
};

struct HttpCall {
  std::string method = "GET";
  std::string url;
  std::vector<HttpHeader> headers = {};
  std::string body = {};
};

struct HttpAnswer {
  int status = 0;
  std::vector<std::pair<std::string, std::string>> headers = {};  // names in lower case
  std::string body = {};

  /// Of the first header with this name, given in lower case; empty if there is none.
  [[nodiscard]] std::string_view header(std::string_view name) const;
};

/// Where a URL goes, for messages: scheme, host and port. What follows may hold a credential.
[[nodiscard]] std::string shown_origin(const std::string& url);

/// What is wrong with a URL that is to be called, as the end of a sentence; an empty text if nothing is.
[[nodiscard]] std::string check_call_url(const std::string& url, PlainHttp plain_http);

/// Keeps its connection from call to call. For one thread at a time.
class HttpCaller {
 public:
  explicit HttpCaller(HttpSettings settings);

  /// Any status is an answer. An error names the origin and no credential, and says whether a retry may help.
  [[nodiscard]] Result<HttpAnswer> operator()(const HttpCall& call);

 private:
  struct End {
    void operator()(void* handle) const;
  };

  HttpSettings settings_;
  std::unique_ptr<void, End> handle_;
};

/// What an actuator makes its calls with; tests put answers of their own in its place.
using HttpSend = std::function<Result<HttpAnswer>(const HttpCall&)>;

/// Of the library that is linked: "7.88.1".
[[nodiscard]] std::string curl_library_version();

}  // namespace evener::actuators
