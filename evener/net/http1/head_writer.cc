#include "evener/net/http1/head_writer.h"

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <cstdlib>

#include "evener/net/http1/byte_scan.h"
#include "evener/net/http1/fields.h"

namespace evener::net::http1 {

namespace {

/// A head that says something else than its writer meant would be a smuggled request: stop instead. On in release builds too.
void require(bool holds, const char* what) {
  if (holds) [[likely]]
    return;
  std::fprintf(stderr, "evener: broken invariant in HeadWriter: %s\n", what);
  std::abort();
}

}  // namespace

std::string_view reason_phrase(std::uint16_t status) {
  switch (status) {
    case 100: return "Continue";
    case 102: return "Processing";
    case 103: return "Early Hints";
    case 200: return "OK";
    case 201: return "Created";
    case 202: return "Accepted";
    case 203: return "Non-Authoritative Information";
    case 204: return "No Content";
    case 205: return "Reset Content";
    case 206: return "Partial Content";
    case 207: return "Multi-Status";
    case 300: return "Multiple Choices";
    case 301: return "Moved Permanently";
    case 302: return "Found";
    case 303: return "See Other";
    case 304: return "Not Modified";
    case 307: return "Temporary Redirect";
    case 308: return "Permanent Redirect";
    case 400: return "Bad Request";
    case 401: return "Unauthorized";
    case 402: return "Payment Required";
    case 403: return "Forbidden";
    case 404: return "Not Found";
    case 405: return "Method Not Allowed";
    case 406: return "Not Acceptable";
    case 408: return "Request Timeout";
    case 409: return "Conflict";
    case 410: return "Gone";
    case 411: return "Length Required";
    case 412: return "Precondition Failed";
    case 413: return "Content Too Large";
    case 414: return "URI Too Long";
    case 415: return "Unsupported Media Type";
    case 416: return "Range Not Satisfiable";
    case 417: return "Expectation Failed";
    case 421: return "Misdirected Request";
    case 422: return "Unprocessable Content";
    case 424: return "Failed Dependency";
    case 425: return "Too Early";
    case 426: return "Upgrade Required";
    case 428: return "Precondition Required";
    case 429: return "Too Many Requests";
    case 431: return "Request Header Fields Too Large";
    case 451: return "Unavailable For Legal Reasons";
    case 499: return "Client Closed Request";
    case 500: return "Internal Server Error";
    case 501: return "Not Implemented";
    case 502: return "Bad Gateway";
    case 503: return "Service Unavailable";
    case 504: return "Gateway Timeout";
    case 505: return "HTTP Version Not Supported";
    case 507: return "Insufficient Storage";
    case 508: return "Loop Detected";
    case 511: return "Network Authentication Required";
    case 529: return "Overloaded";
    default: return "Status";
  }
}

HeadWriter::HeadWriter(std::string& out) : string_(&out) {
  constexpr std::size_t UsualHeadBytes = 1024;
  const std::size_t before = out.size();
  out.resize(before + UsualHeadBytes);
  begin_ = pos_ = out.data() + before;
  end_ = out.data() + out.size();
}

bool HeadWriter::grow(std::size_t bytes) {
  if (string_ == nullptr) {
    overflow_ = true;
    return false;
  }
  const auto before = static_cast<std::size_t>(begin_ - string_->data());
  const std::size_t written = size();
  string_->resize(before + (written + bytes) * 2);
  begin_ = string_->data() + before;
  pos_ = begin_ + written;
  end_ = string_->data() + string_->size();
  return true;
}

void HeadWriter::start(Stage expected) {
  require(stage_ == expected, "start line, fields and end come in this order, each start and end once");
}

void HeadWriter::check_value(std::string_view value) {
  const char* end = value.data() + value.size();
  require(find_control(value.data(), end) == end, "a control character in a value");
}

void HeadWriter::request_line(std::string_view method, std::string_view target) { request_line(method, target, {}); }

void HeadWriter::request_line(std::string_view method, std::string_view path, std::string_view query) {
  start(Stage::StartLine);
  require(is_token(method), "a method that is no token");
  const auto is_target = [](std::string_view text) {
    const char* const end = text.data() + text.size();
    return find_target_end(text.data(), end) == end;
  };
  require(!path.empty() && is_target(path) && is_target(query), "a target that is empty or holds a character that has to be encoded");
  if (reserve(method.size() + path.size() + query.size() + 16)) {
    put(method);
    put(" ");
    put(path);
    if (!query.empty()) put("?");
    put(query);
    put(" HTTP/1.1\r\n");
  }
  stage_ = Stage::Fields;
}

void HeadWriter::status_line(std::uint16_t status, std::string_view reason) {
  start(Stage::StartLine);
  require(status >= 100 && status <= 599, "a status outside 100..599");
  check_value(reason);
  char line[] = "HTTP/1.1 000 ";
  line[9] = static_cast<char>('0' + status / 100);
  line[10] = static_cast<char>('0' + status / 10 % 10);
  line[11] = static_cast<char>('0' + status % 10);
  if (reserve(sizeof line + reason.size() + 2)) {
    put(std::string_view(line, sizeof line - 1));
    put(reason);
    put("\r\n");
  }
  stage_ = Stage::Fields;
}

void HeadWriter::header(std::string_view name, std::string_view value) { header(name, value, {}); }

std::string_view HeadWriter::decimal(std::uint64_t value, std::array<char, 20>& digits) {
  const auto result = std::to_chars(digits.data(), digits.data() + digits.size(), value);
  return {digits.data(), static_cast<std::size_t>(result.ptr - digits.data())};
}

void HeadWriter::header(std::string_view name, std::string_view value, std::string_view more) {
  start(Stage::Fields);
  require(is_token(name), "a header name that is no token");
  check_value(value);
  check_value(more);
  if (!reserve(name.size() + value.size() + more.size() + 4)) return;
  put(name);
  put(": ");
  put(value);
  if (!more.empty()) put(more);
  put("\r\n");
}

void HeadWriter::end() {
  start(Stage::Fields);
  if (reserve(2)) put("\r\n");
  stage_ = Stage::Done;
  if (string_ != nullptr) string_->resize(static_cast<std::size_t>(pos_ - string_->data()));
}

}  // namespace evener::net::http1
