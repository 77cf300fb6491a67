#include "evener/net/http1/fields.h"

#include <cstring>
#include <limits>

#include "evener/net/http1/byte_scan.h"

namespace evener::net::http1 {

namespace {

constexpr HeadError Fold{400, "a header line is continued on the next one (obs-fold)"};
constexpr HeadError BadName{400, "a header name is empty or holds a character that names may not have"};
constexpr HeadError BlankBeforeColon{400, "white space between a header name and its colon"};
constexpr HeadError NoColon{400, "a header line has no colon"};
constexpr HeadError BadValue{400, "a header value holds a control character"};
constexpr HeadError Alias{400, "a header name with '_' is an alias of one that the proxy acts on; write it with '-'"};
constexpr HeadError TooMany{431, "more than 100 headers"};
constexpr HeadError Incomplete{400, "the head does not end with an empty line"};
constexpr HeadError AfterEnd{400, "bytes after the empty line of the head"};
constexpr HeadError BadConnection{400, "Connection is not a list of at most 32 names"};
constexpr HeadError StripsProtected{400, "Connection names a header that may not be removed on the way"};

constexpr std::size_t PlainNameBytes = 32;  // longer names take the slow path; none of the known ones is

constexpr auto TokenChars = [] {
  std::array<bool, 256> table{};
  for (int c = '0'; c <= '9'; ++c) table[static_cast<std::size_t>(c)] = true;
  for (int c = 'a'; c <= 'z'; ++c) table[static_cast<std::size_t>(c)] = true;
  for (int c = 'A'; c <= 'Z'; ++c) table[static_cast<std::size_t>(c)] = true;
  for (const char c : std::string_view("!#$%&'*+-.^_`|~")) table[static_cast<unsigned char>(c)] = true;
  return table;
}();

constexpr char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c; }

/// `name` is in lower case. The length leaves one to three candidates; each comparison has a constant length and becomes two or three
/// integer comparisons.
[[gnu::always_inline]] inline HeaderId identify_folded(const char* name, std::size_t length) {
  const auto is = [name]<std::size_t N>(const char(&known)[N]) { return std::memcmp(name, known, N - 1) == 0; };
  using enum HeaderId;
  if (length > 9 && is("x-evener-")) return XEvener;
  switch (length) {
    case 2: return is("te") ? Te : Other;
    case 3: return is("via") ? Via : Other;
    case 4: return is("host") ? Host : is("date") ? Date : Other;
    case 6: return is("expect") ? Expect : is("server") ? Server : Other;
    case 7: return is("upgrade") ? Upgrade : is("trailer") ? Trailer : Other;
    case 9: return is("forwarded") ? Forwarded : is("x-real-ip") ? XRealIp : Other;
    case 10: return is("connection") ? Connection : is("keep-alive") ? KeepAlive : is("tracestate") ? Tracestate : Other;
    case 11: return is("traceparent") ? Traceparent : is("retry-after") ? RetryAfter : is("x-client-ip") || is("x-forwarded") ? ClientClaim : Other;
    case 12: return is("content-type") ? ContentType : is("x-request-id") ? XRequestId : Other;
    case 13: return is("authorization") ? Authorization : is("forwarded-for") ? ClientClaim : Other;
    case 14: return is("content-length") ? ContentLength : is("true-client-ip") || is("x-forwarded-by") ? ClientClaim : Other;
    case 15: return is("x-forwarded-for") ? XForwardedFor : is("x-forwarded-ssl") ? ClientClaim : Other;
    case 16:
      return is("x-forwarded-host")   ? XForwardedHost
             : is("x-forwarded-port") ? XForwardedPort
             : is("content-encoding") ? ContentEncoding
             : is("proxy-connection") ? ProxyConnection
             : is("cf-connecting-ip") || is("fastly-client-ip") ? ClientClaim
                                      : Other;
    case 17: return is("transfer-encoding") ? TransferEncoding : is("x-forwarded-proto") ? XForwardedProto : Other;
    case 18:
      return is("proxy-authenticate") ? ProxyAuthenticate
             : is("x-forwarded-prefix") || is("x-forwarded-server") || is("x-forwarded-scheme") || is("cf-connecting-ipv6") ? ClientClaim
                                                                                                                         : Other;
    case 19: return is("proxy-authorization") ? ProxyAuthorization : is("x-cluster-client-ip") ? ClientClaim : Other;
    default: return Other;
  }
}

/// Names with unusual characters and long ones. There is at least one byte.
[[gnu::noinline]] const HeadError* parse_name_slowly(const char* p, const char* end, std::size_t& length, HeaderId& id) {
  if (*p == ' ' || *p == '\t') return &Fold;
  const char* q = p;
  char folded[PlainNameBytes];
  bool has_underscore = false;
  for (; q != end && TokenChars[static_cast<unsigned char>(*q)]; ++q) {
    const auto at = static_cast<std::size_t>(q - p);
    has_underscore |= *q == '_';
    if (at < PlainNameBytes) folded[at] = *q == '_' ? '-' : lower(*q);
  }
  length = static_cast<std::size_t>(q - p);
  id = HeaderId::Other;
  if (q == end || *q != ':') {
    if (length == 0 || q == end) return &BadName;
    if (*q == ' ' || *q == '\t') return &BlankBeforeColon;
    return *q == '\r' ? &NoColon : &BadName;
  }
  if (length == 0) return &BadName;
  // A name in x-evener- is recognised by its first bytes, so those are enough for it.
  id = identify_folded(folded, length <= PlainNameBytes ? length : PlainNameBytes);
  if (length > PlainNameBytes && id != HeaderId::XEvener) id = HeaderId::Other;
  // CGI, WSGI and their kin turn '-' into '_' and so merge both spellings: content_length would count as Content-Length behind us.
  if (has_underscore && id != HeaderId::Other) return &Alias;
  return nullptr;
}

/// One field line; inline, for this is where the time of a head goes. There is at least one byte.
[[gnu::always_inline]] inline const HeadError* parse_one_field(const char*& p, const char* end, Header& out) {
  char folded[PlainNameBytes], padded[PlainNameBytes];
  const char* const name = p;
  const char* readable = name;
  if (end - name < static_cast<std::ptrdiff_t>(PlainNameBytes)) {  // the last line of a head
    std::memset(padded, 0, sizeof padded);
    std::memcpy(padded, name, static_cast<std::size_t>(end - name));
    readable = padded;
  }
  std::size_t length = fold_plain_name(readable, folded);
  if (length == 16) length += fold_plain_name(readable + 16, folded + 16);
  if (length - 1 < PlainNameBytes - 1 && readable[length] == ':') {
    out.id = identify_folded(folded, length);
  } else if (const HeadError* error = parse_name_slowly(name, end, length, out.id)) {
    return error;
  }
  out.name = std::string_view(name, length);
  out.hop_by_hop = is_hop_by_hop(out.id);

  const char* first = name + length + 1;
  if (end - first >= 2 && *first == ' ' && static_cast<unsigned char>(first[1]) > ' ') {
    ++first;  // one blank, as nearly everybody writes it
  } else {
    while (first != end && (*first == ' ' || *first == '\t')) ++first;
  }
  const char* const stop = find_control(first, end);
  if (end - stop < 2 || std::memcmp(stop, "\r\n", 2) != 0) return &BadValue;
  const char* last = stop;
  while (last != first && static_cast<unsigned char>(last[-1]) <= ' ') --last;  // no other control character than a tab is left
  out.value = std::string_view(first, static_cast<std::size_t>(last - first));
  p = stop + 2;
  return nullptr;
}

}  // namespace

bool is_token_char(char c) { return TokenChars[static_cast<unsigned char>(c)]; }

bool is_token(std::string_view text) {
  for (const char c : text) {
    if (!is_token_char(c)) return false;
  }
  return !text.empty();
}

bool equals_ignoring_case(std::string_view a, std::string_view b) {
  if (a.size() != b.size()) return false;
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (lower(a[i]) != lower(b[i])) return false;
  }
  return true;
}

HeaderId identify(std::string_view name) {
  char folded[PlainNameBytes];
  const std::size_t length = name.size() < PlainNameBytes ? name.size() : PlainNameBytes;
  for (std::size_t i = 0; i < length; ++i) folded[i] = lower(name[i]);
  const HeaderId id = identify_folded(folded, length);
  return name.size() <= PlainNameBytes || id == HeaderId::XEvener ? id : HeaderId::Other;
}

const HeadError* parse_field(const char*& p, const char* end, Header& out) { return p == end ? &Incomplete : parse_one_field(p, end, out); }

const HeadError* parse_fields(const char* p, const char* end, Headers& out, FieldsSeen& seen) {
  std::uint32_t count = 0, once = 0, repeated = 0;
  out.count = 0;
  out.ids = 0;
  for (;; ++count) {
    if (p == end) return &Incomplete;
    if (*p == '\r') break;
    if (count == HeadersMax) return &TooMany;
    Header& header = out.items[count];
    if (const HeadError* error = parse_one_field(p, end, header)) return error;
    const std::uint32_t bit = 1U << static_cast<unsigned>(header.id);
    repeated |= once & bit;
    if ((once & bit) == 0) seen.first[static_cast<unsigned>(header.id)] = static_cast<std::uint8_t>(count);
    once |= bit;
  }
  if (end - p < 2 || p[1] != '\n') return &BadName;
  if (end - p != 2) return &AfterEnd;
  out.count = count;
  out.ids = once;
  seen.once = once;
  seen.repeated = repeated;
  return nullptr;
}

const HeadError* apply_connection(Headers& headers, const FieldsSeen& seen, ConnectionOptions& options) {
  std::uint32_t listed = 0;
  const std::uint32_t first = seen.first[static_cast<unsigned>(HeaderId::Connection)];
  const std::uint32_t end = seen.has_repeated(HeaderId::Connection) ? headers.count : first + 1;
  for (std::uint32_t at = first; at < end; ++at) {
    if (headers.items[at].id != HeaderId::Connection) continue;
    std::string_view rest = headers.items[at].value;
    if (rest == "keep-alive") {  // what nearly all of them are
      options.keep_alive = true;
      ++listed;
      continue;
    }
    while (!rest.empty()) {
      const std::size_t comma = rest.find(',');
      std::string_view option = rest.substr(0, comma);
      rest.remove_prefix(comma == std::string_view::npos ? rest.size() : comma + 1);
      while (!option.empty() && (option.front() == ' ' || option.front() == '\t')) option.remove_prefix(1);
      while (!option.empty() && (option.back() == ' ' || option.back() == '\t')) option.remove_suffix(1);
      if (++listed > ConnectionOptionsMax) return &BadConnection;
      if (option.empty()) continue;  // empty list members are legal
      if (!is_token(option)) return &BadConnection;
      if (equals_ignoring_case(option, "close")) {
        options.close = true;
        continue;
      }
      const HeaderId id = identify(option);
      if (id == HeaderId::KeepAlive) {
        options.keep_alive = true;
        continue;
      }
      if (id == HeaderId::TransferEncoding || (id != HeaderId::Other && !is_hop_by_hop(id))) return &StripsProtected;
      if (id != HeaderId::Other) continue;  // of the fixed set, marked already
      for (std::uint32_t i = 0; i < headers.count; ++i) {
        if (equals_ignoring_case(headers.items[i].name, option)) headers.items[i].hop_by_hop = true;
      }
    }
  }
  return nullptr;
}

LengthCheck parse_content_length(std::string_view text, std::uint64_t& out) {
  if (text.empty() || (text.size() > 1 && text.front() == '0')) return LengthCheck::Malformed;
  std::uint64_t value = 0;
  for (const char c : text) {
    if (!is_digit(c)) return LengthCheck::Malformed;
    value = value * 10 + static_cast<std::uint64_t>(c - '0');  // wraps around only beyond 19 digits
  }
  if (text.size() > 19) return LengthCheck::TooLarge;  // 2^63 has 19 digits
  if (value > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max())) return LengthCheck::TooLarge;
  out = value;
  return LengthCheck::Good;
}

}  // namespace evener::net::http1
