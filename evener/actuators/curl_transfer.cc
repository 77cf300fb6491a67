#include "evener/actuators/curl_transfer.h"

#include <curl/curl.h>

#include <algorithm>
#include <cstdlib>

namespace evener::actuators {
namespace {

/// Nothing that is set here can be refused but for want of memory: options are of this library, values were checked.
template <class Value>
void set(CURL* curl, CURLoption option, Value value) {
  if (curl_easy_setopt(curl, option, value) != CURLE_OK) std::abort();
}

void set_blob(CURL* curl, CURLoption option, const std::string& bytes) {
  curl_blob blob{.data = const_cast<char*>(bytes.data()), .len = bytes.size(), .flags = CURL_BLOB_COPY};
  set(curl, option, &blob);
}

long milliseconds(Duration duration) {
  return static_cast<long>(std::max<std::int64_t>(1, std::chrono::duration_cast<std::chrono::milliseconds>(duration).count()));
}

bool is_one_line(const HttpHeader& header) {
  return header.name.find_first_of("\r\n:") == std::string::npos && header.value.reveal().find_first_of("\r\n") == std::string::npos;
}

}  // namespace

void* new_curl_handle() {
  static const bool ready = curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK;
  CURL* const handle = ready ? curl_easy_init() : nullptr;
  if (handle == nullptr) std::abort();  // no memory for a few kilobytes
  return handle;
}

std::string check_call(const HttpCall& call, const HttpSettings& settings) {
  const std::string wrong = check_call_url(call.url, settings.plain_http);
  if (!wrong.empty()) return wrong;
  return std::all_of(call.headers.begin(), call.headers.end(), is_one_line) ? "" : "a header has a line break";
}

CurlTransfer::CurlTransfer(void* handle, const HttpSettings& settings, const HttpCall& call, Ends ends)
    : handle_(handle), where_(call.method + " " + shown_origin(call.url) + ": "), body_bytes_max_(settings.answer_bytes_max) {
  curl_easy_reset(handle_);  // connections stay
  trust(settings);
  limit(settings, ends);
  send(call);
  set(handle_, CURLOPT_ERRORBUFFER, details_);
  set(handle_, CURLOPT_WRITEFUNCTION, &take_body);
  set(handle_, CURLOPT_WRITEDATA, this);
  set(handle_, CURLOPT_HEADERFUNCTION, &take_header);
  set(handle_, CURLOPT_HEADERDATA, this);
}

CurlTransfer::~CurlTransfer() {
  curl_easy_reset(handle_);
  curl_slist_free_all(static_cast<curl_slist*>(headers_));
}

void CurlTransfer::trust(const HttpSettings& settings) {
  set(handle_, CURLOPT_SSL_VERIFYPEER, 1L);
  set(handle_, CURLOPT_SSL_VERIFYHOST, 2L);
  set(handle_, CURLOPT_SSLVERSION, long{CURL_SSLVERSION_TLSv1_2});
  if (!settings.ca_data.empty()) set_blob(handle_, CURLOPT_CAINFO_BLOB, settings.ca_data);
  if (!settings.ca_file.empty()) set(handle_, CURLOPT_CAINFO, settings.ca_file.c_str());
  // The folder of the system's authorities would count beside the one that is given.
  if (!settings.ca_data.empty() || !settings.ca_file.empty()) set(handle_, CURLOPT_CAPATH, static_cast<char*>(nullptr));
  if (settings.certificate.empty()) return;
  set(handle_, CURLOPT_SSLCERTTYPE, "PEM");
  set(handle_, CURLOPT_SSLKEYTYPE, "PEM");
  set_blob(handle_, CURLOPT_SSLCERT_BLOB, settings.certificate.reveal());
  set_blob(handle_, CURLOPT_SSLKEY_BLOB, settings.key.reveal());
}

void CurlTransfer::limit(const HttpSettings& settings, Ends ends) {
  set(handle_, CURLOPT_NOSIGNAL, 1L);
  set(handle_, CURLOPT_FOLLOWLOCATION, 0L);
  set(handle_, CURLOPT_PROTOCOLS_STR, "http,https");
  set(handle_, CURLOPT_PROXY, settings.proxy.c_str());
  set(handle_, CURLOPT_NOPROXY, "localhost,127.0.0.1,::1,169.254.169.254,169.254.170.2,metadata.google.internal");
  set(handle_, CURLOPT_HTTP_VERSION, long{CURL_HTTP_VERSION_1_1});
  set(handle_, CURLOPT_CONNECTTIMEOUT_MS, milliseconds(settings.connect_timeout));
  if (ends == Ends::InTime) {
    set(handle_, CURLOPT_TIMEOUT_MS, milliseconds(settings.timeout));
    return;
  }
  // A peer that vanished without a word is noticed all the same.
  set(handle_, CURLOPT_TCP_KEEPALIVE, 1L);
  set(handle_, CURLOPT_TCP_KEEPIDLE, 15L);
  set(handle_, CURLOPT_TCP_KEEPINTVL, 5L);
}

void CurlTransfer::send(const HttpCall& call) {
  set(handle_, CURLOPT_URL, call.url.c_str());
  if (call.method != "GET") {
    // As a POST with another word the body is sent as it is, also an empty one.
    set(handle_, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(call.body.size()));
    set(handle_, CURLOPT_POSTFIELDS, call.body.data());
    set(handle_, CURLOPT_CUSTOMREQUEST, call.method.c_str());
    add_header("Expect:");        // no second round trip to ask whether a few hundred bytes may come
    add_header("Content-Type:");  // nothing but what the call says
  }
  for (const HttpHeader& header : call.headers) add_header(header.name + ": " + header.value.reveal());
  set(handle_, CURLOPT_HTTPHEADER, static_cast<curl_slist*>(headers_));
}

void CurlTransfer::add_header(const std::string& line) {
  headers_ = curl_slist_append(static_cast<curl_slist*>(headers_), line.c_str());
  if (headers_ == nullptr) std::abort();
}

std::size_t CurlTransfer::take_body(char* bytes, std::size_t one, std::size_t count, void* transfer) {
  auto& self = *static_cast<CurlTransfer*>(transfer);
  self.too_long_ = count > self.body_bytes_max_ - self.answer_.body.size();
  if (self.too_long_) return 0;
  self.answer_.body.append(bytes, count);
  return one * count;
}

std::size_t CurlTransfer::take_header(char* bytes, std::size_t one, std::size_t count, void* transfer) {
  auto& headers = static_cast<CurlTransfer*>(transfer)->answer_.headers;
  std::string_view line(bytes, count);
  if (line.starts_with("HTTP/")) headers.clear();  // an interim answer came before
  const std::size_t colon = line.find(':');
  if (colon == std::string_view::npos || headers.size() >= HttpAnswerHeadersMax) return one * count;
  std::string name(line.substr(0, colon));
  std::transform(name.begin(), name.end(), name.begin(), [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  constexpr std::string_view blanks = " \t\r\n";
  line.remove_prefix(std::min(line.find_first_not_of(blanks, colon + 1), line.size()));
  headers.emplace_back(std::move(name), line.substr(0, line.find_last_not_of(blanks) + 1));
  return one * count;
}

int CurlTransfer::status() const {
  long status = 0;
  curl_easy_getinfo(handle_, CURLINFO_RESPONSE_CODE, &status);
  return static_cast<int>(status);
}

Error CurlTransfer::failure(int code) const {
  if (too_long_)
    return {.message = where_ + "the answer is longer than " + std::to_string(body_bytes_max_) + " bytes", .fault = Fault::Endpoint};
  const auto curl_code = static_cast<CURLcode>(code);
  Error error{.message = where_ + (details_[0] != '\0' ? details_ : curl_easy_strerror(curl_code)), .fault = Fault::Endpoint};
  switch (curl_code) {
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_RESOLVE_PROXY:
    case CURLE_COULDNT_CONNECT:
    case CURLE_OPERATION_TIMEDOUT:
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_SEND_ERROR:
    case CURLE_RECV_ERROR:
    case CURLE_GOT_NOTHING:
    case CURLE_PARTIAL_FILE:
    case CURLE_WEIRD_SERVER_REPLY: error.may_retry = MayRetry::Yes; break;
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_SSL_CACERT_BADFILE: error.fault = Fault::Us; break;
    default: break;
  }
  return error;
}

}  // namespace evener::actuators
