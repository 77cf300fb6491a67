#include "evener/actuators/http_call.h"

#include <curl/curl.h>

#include <algorithm>
#include <cstdlib>

#include "evener/actuators/curl_transfer.h"

namespace evener::actuators {
namespace {

struct UrlEnd {
  void operator()(CURLU* url) const { curl_url_cleanup(url); }
};

class Url {
 public:
  explicit Url(const std::string& text) : url_(curl_url()) {
    if (!url_) std::abort();
    valid_ = text.size() <= HttpUrlBytesMax && curl_url_set(url_.get(), CURLUPART_URL, text.c_str(), CURLU_NON_SUPPORT_SCHEME) == CURLUE_OK;
  }
  [[nodiscard]] bool valid() const { return valid_; }
  /// Empty if the URL has no such part.
  [[nodiscard]] std::string part(CURLUPart which) const {
    char* text = nullptr;
    if (curl_url_get(url_.get(), which, &text, 0) != CURLUE_OK) return {};
    std::string copy(text);
    curl_free(text);
    return copy;
  }

 private:
  std::unique_ptr<CURLU, UrlEnd> url_;
  bool valid_ = false;
};

/// Names and addresses that no router passes on: loopback, and where machines and containers of EC2, Azure and Google ask for their credentials.
bool is_local(const std::string& host) {
  if (host == "localhost" || host == "[::1]" || host == "[fd00:ec2::254]" || host == "[fd00:ec2::23]" || host == "metadata.google.internal")
    return true;
  if (host.find_first_not_of("0123456789.") != std::string::npos || std::count(host.begin(), host.end(), '.') != 3) return false;
  return host.starts_with("127.") || host.starts_with("169.254.");
}

}  // namespace

std::string_view HttpAnswer::header(std::string_view name) const {
  const auto found = std::find_if(headers.begin(), headers.end(), [&](const auto& each) { return each.first == name; });
  return found == headers.end() ? std::string_view() : std::string_view(found->second);
}

std::string shown_origin(const std::string& url) {
  const Url parsed(url);
  if (!parsed.valid()) return "(no URL)";
  const std::string port = parsed.part(CURLUPART_PORT);
  return parsed.part(CURLUPART_SCHEME) + "://" + parsed.part(CURLUPART_HOST) + (port.empty() ? "" : ":" + port);
}

std::string check_call_url(const std::string& url, PlainHttp plain_http) {
  const Url parsed(url);
  if (!parsed.valid() || url.find("://") == std::string::npos) return "it is no URL https://host[:port][/path]";
  const std::string scheme = parsed.part(CURLUPART_SCHEME);
  if (scheme != "https" && scheme != "http") return "its scheme is " + scheme + "; it must be https";
  if (!parsed.part(CURLUPART_USER).empty() || !parsed.part(CURLUPART_PASSWORD).empty()) return "it holds a user or password";
  if (scheme == "http" && plain_http == PlainHttp::LocalOnly && !is_local(parsed.part(CURLUPART_HOST))) {
    return "credentials go over https only, but for loopback and link-local addresses";
  }
  return {};
}

HttpCaller::HttpCaller(HttpSettings settings) : settings_(std::move(settings)), handle_(new_curl_handle()) {}

void HttpCaller::End::operator()(void* handle) const { curl_easy_cleanup(handle); }

Result<HttpAnswer> HttpCaller::operator()(const HttpCall& call) {
  if (const std::string wrong = check_call(call, settings_); !wrong.empty()) return fail(shown_origin(call.url) + ": " + wrong);
  CurlTransfer transfer(handle_.get(), settings_, call, CurlTransfer::Ends::InTime);
  const CURLcode code = curl_easy_perform(handle_.get());
  if (code != CURLE_OK) return tl::unexpected(transfer.failure(code));
  transfer.answer().status = transfer.status();
  return std::move(transfer.answer());
}

std::string curl_library_version() { return curl_version_info(CURLVERSION_NOW)->version; }

}  // namespace evener::actuators
