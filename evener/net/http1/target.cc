#include "evener/net/http1/target.h"

#include <array>

#include "evener/net/http1/fields.h"

namespace evener::net::http1 {

const HeadError BadTarget{400, "the request target holds a character that has to be percent-encoded, or is of no known form"};
const HeadError TargetTooLong{414, "the request target is longer than 8192 bytes"};

namespace {

constexpr HeadError BadTriplet{400, "the path holds a malformed percent-encoding or an encoded NUL"};
constexpr HeadError AsteriskTarget{400, "the target * belongs to OPTIONS only"};
constexpr HeadError UserInfo{400, "the host of the request target is malformed or has user information"};
constexpr HeadError QueryWithoutPath{400, "the request target has a query but no path"};

constexpr auto HostChars = [] {
  std::array<bool, 256> table{};
  for (std::size_t c = '0'; c <= '9'; ++c) table[c] = true;
  for (std::size_t c = 'a'; c <= 'z'; ++c) table[c] = table[c - 32] = true;
  table['.'] = table['-'] = table['_'] = true;  // '_' because the names of containers and services have it
  return table;
}();

constexpr bool is_hex(char c) { return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'); }

bool has_bad_triplet(std::string_view path) {
  for (std::size_t at = path.find('%'); at != std::string_view::npos; at = path.find('%', at + 3)) {
    if (path.size() - at < 3 || !is_hex(path[at + 1]) || !is_hex(path[at + 2])) return true;
    if (path[at + 1] == '0' && path[at + 2] == '0') return true;
  }
  return false;
}

}  // namespace

const HeadError* split_target(std::string_view raw, RequestHead& out, std::string_view& authority) {
  authority = {};
  if (raw.front() != '/') {
    if (raw == "*") {
      if (out.method_id != Method::Options) return &AsteriskTarget;
      out.target = out.path = raw;
      out.query = {};
      return nullptr;
    }
    const std::size_t scheme_end = raw.find("://");
    if (scheme_end == std::string_view::npos) return &BadTarget;
    const std::string_view scheme = raw.substr(0, scheme_end);
    if (!equals_ignoring_case(scheme, "http") && !equals_ignoring_case(scheme, "https")) return &BadTarget;
    raw.remove_prefix(scheme_end + 3);
    const std::size_t authority_end = raw.find_first_of("/?");
    authority = raw.substr(0, authority_end);
    if (!is_valid_host(authority)) return &UserInfo;
    if (authority_end == std::string_view::npos) {
      raw = out.method_id == Method::Options ? std::string_view("*") : std::string_view("/");
    } else if (raw[authority_end] == '?') {
      return &QueryWithoutPath;  // would have to be written anew as "/?..."; no client sends it
    } else {
      raw.remove_prefix(authority_end);
    }
  }
  out.target = raw;
  const std::size_t question = raw.find('?');
  out.path = raw.substr(0, question);
  out.query = question == std::string_view::npos ? std::string_view() : raw.substr(question + 1);
  return has_bad_triplet(out.path) ? &BadTriplet : nullptr;
}

bool is_valid_host(std::string_view text) {
  if (text.empty() || text.size() > HostBytesMax) return false;
  std::size_t at = 0;
  if (text.front() == '[') {
    const std::size_t close = text.find(']');
    if (close == std::string_view::npos || close < 3) return false;  // "[::]" is the shortest
    bool has_colon = false;
    for (const char c : text.substr(1, close - 1)) {
      if (!is_hex(c) && c != ':' && c != '.') return false;
      has_colon |= c == ':';
    }
    if (!has_colon) return false;
    at = close + 1;
  } else {
    while (at < text.size() && HostChars[static_cast<unsigned char>(text[at])]) ++at;
    if (at == 0) return false;
  }
  if (at == text.size()) return true;
  if (text[at] != ':') return false;
  const std::string_view port = text.substr(at + 1);
  if (port.empty() || port.size() > 5) return false;
  std::uint32_t number = 0;
  for (const char c : port) {
    if (!is_digit(c)) return false;
    number = number * 10 + static_cast<std::uint32_t>(c - '0');
  }
  return number <= 65535;
}

}  // namespace evener::net::http1
