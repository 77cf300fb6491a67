#include "evener/actuators/http_call.h"

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

/// Names and addresses that no router passes on: loopback, and where EC2, Azure and Google's machines ask for their credentials.
bool is_local(const std::string& host) {
  if (host == "localhost" || host == "[::1]" || host == "[fd00:ec2::254]" || host == "metadata.google.internal") return true;
  if (host.find_first_not_of("0123456789.") != std::string::npos || std::count(host.begin(), host.end(), '.') != 3) return false;
  return host.starts_with("127.") || host.starts_with("169.254.");
}

struct HeaderList {
  curl_slist* list = nullptr;

  HeaderList() = default;
  HeaderList(const HeaderList&) = delete;
  HeaderList& operator=(const HeaderList&) = delete;
  ~HeaderList() { curl_slist_free_all(list); }
  void add(const std::string& line) {
    curl_slist* longer = curl_slist_append(list, line.c_str());
    if (longer == nullptr) std::abort();
    list = longer;
  }
};

/// What the library hands over while a call lasts.
struct Receiver {
  HttpAnswer answer;
  std::size_t body_bytes_max = 0;
  bool too_long = false;
};

std::size_t take_body(char* bytes, std::size_t one, std::size_t count, void* receiver_of_call) {
  auto& receiver = *static_cast<Receiver*>(receiver_of_call);
  receiver.too_long = count > receiver.body_bytes_max - receiver.answer.body.size();
  if (receiver.too_long) return 0;
  receiver.answer.body.append(bytes, count);
  return one * count;
}

std::size_t take_header(char* bytes, std::size_t one, std::size_t count, void* receiver_of_call) {
  auto& headers = static_cast<Receiver*>(receiver_of_call)->answer.headers;
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

void set_blob(CURL* curl, CURLoption option, const std::string& bytes) {
  curl_blob blob{.data = const_cast<char*>(bytes.data()), .len = bytes.size(), .flags = CURL_BLOB_COPY};
  set(curl, option, &blob);
}

void set_trust(CURL* curl, const HttpSettings& settings) {
  set(curl, CURLOPT_SSL_VERIFYPEER, 1L);
  set(curl, CURLOPT_SSL_VERIFYHOST, 2L);
  set(curl, CURLOPT_SSLVERSION, long{CURL_SSLVERSION_TLSv1_2});
  if (!settings.ca_data.empty()) set_blob(curl, CURLOPT_CAINFO_BLOB, settings.ca_data);
  if (!settings.ca_file.empty()) set(curl, CURLOPT_CAINFO, settings.ca_file.c_str());
  // The folder of the system's authorities would count beside the one that is given.
  if (!settings.ca_data.empty() || !settings.ca_file.empty()) set(curl, CURLOPT_CAPATH, static_cast<char*>(nullptr));
  if (settings.certificate.empty()) return;
  set(curl, CURLOPT_SSLCERTTYPE, "PEM");
  set(curl, CURLOPT_SSLKEYTYPE, "PEM");
  set_blob(curl, CURLOPT_SSLCERT_BLOB, settings.certificate.reveal());
  set_blob(curl, CURLOPT_SSLKEY_BLOB, settings.key.reveal());
}

long milliseconds(Duration duration) {
  return static_cast<long>(std::max<std::int64_t>(1, std::chrono::duration_cast<std::chrono::milliseconds>(duration).count()));
}

void set_limits(CURL* curl, const HttpSettings& settings) {
  set(curl, CURLOPT_NOSIGNAL, 1L);
  set(curl, CURLOPT_FOLLOWLOCATION, 0L);
  set(curl, CURLOPT_PROTOCOLS_STR, "http,https");
  set(curl, CURLOPT_PROXY, settings.proxy.c_str());
  set(curl, CURLOPT_NOPROXY, "localhost,127.0.0.1,::1,169.254.169.254,169.254.170.2,metadata.google.internal");
  set(curl, CURLOPT_HTTP_VERSION, long{CURL_HTTP_VERSION_1_1});
  set(curl, CURLOPT_CONNECTTIMEOUT_MS, milliseconds(settings.connect_timeout));
  set(curl, CURLOPT_TIMEOUT_MS, milliseconds(settings.timeout));
}

void set_call(CURL* curl, const HttpCall& call, HeaderList& headers) {
  set(curl, CURLOPT_URL, call.url.c_str());
  if (call.method != "GET") {
    // As a POST with another word the body is sent as it is, also an empty one.
    set(curl, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(call.body.size()));
    set(curl, CURLOPT_POSTFIELDS, call.body.data());
    set(curl, CURLOPT_CUSTOMREQUEST, call.method.c_str());
    headers.add("Expect:");        // no second round trip to ask whether a few hundred bytes may come
    headers.add("Content-Type:");  // nothing but what the call says
  }
  for (const HttpHeader& header : call.headers) headers.add(header.name + ": " + header.value.reveal());
  set(curl, CURLOPT_HTTPHEADER, headers.list);
}

Error failure(CURLcode code, const char* details, const HttpCall& call, const Receiver& receiver) {
  const std::string where = call.method + " " + shown_origin(call.url) + ": ";
  if (receiver.too_long) {
    return {.message = where + "the answer is longer than " + std::to_string(receiver.body_bytes_max) + " bytes", .fault = Fault::Endpoint};
  }
  Error error{
      .message = where + (*details != '\0' ? details : curl_easy_strerror(code)), .fault = Fault::Endpoint, .may_retry = MayRetry::No};
  switch (code) {
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

bool is_one_line(const HttpHeader& header) {
  return header.name.find_first_of("\r\n:") == std::string::npos && header.value.reveal().find_first_of("\r\n") == std::string::npos;
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

HttpCaller::HttpCaller(HttpSettings settings) : settings_(std::move(settings)) {
  static const bool ready = curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK;
  handle_.reset(ready ? curl_easy_init() : nullptr);
  if (!handle_) std::abort();  // no memory for a few kilobytes
}

void HttpCaller::End::operator()(void* handle) const { curl_easy_cleanup(handle); }

Result<HttpAnswer> HttpCaller::operator()(const HttpCall& call) {
  if (const std::string wrong = check_call_url(call.url, settings_.plain_http); !wrong.empty())
    return fail(shown_origin(call.url) + ": " + wrong);
  if (!std::all_of(call.headers.begin(), call.headers.end(), is_one_line))
    return fail(shown_origin(call.url) + ": a header has a line break");
  CURL* const curl = handle_.get();
  curl_easy_reset(curl);  // connections stay
  char details[CURL_ERROR_SIZE] = "";
  Receiver receiver{.body_bytes_max = settings_.answer_bytes_max};
  HeaderList headers;
  set_trust(curl, settings_);
  set_limits(curl, settings_);
  set_call(curl, call, headers);
  set(curl, CURLOPT_ERRORBUFFER, details);
  set(curl, CURLOPT_WRITEFUNCTION, &take_body);
  set(curl, CURLOPT_WRITEDATA, &receiver);
  set(curl, CURLOPT_HEADERFUNCTION, &take_header);
  set(curl, CURLOPT_HEADERDATA, &receiver);
  const CURLcode code = curl_easy_perform(curl);
  if (code != CURLE_OK) return tl::unexpected(failure(code, details, call, receiver));
  long status = 0;
  curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
  receiver.answer.status = static_cast<int>(status);
  return std::move(receiver.answer);
}

std::string curl_library_version() { return curl_version_info(CURLVERSION_NOW)->version; }

}  // namespace evener::actuators
