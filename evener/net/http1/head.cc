#include "evener/net/http1/head.h"

#include <cstring>

#include "evener/net/http1/byte_scan.h"
#include "evener/net/http1/fields.h"
#include "evener/net/http1/target.h"

namespace evener::net::http1 {

namespace {

constexpr HeadError BadRequestLine{400, "the request line is not METHOD SP target SP HTTP/1.x"};
constexpr HeadError BadMethod{400, "the method is not in upper-case letters"};
constexpr HeadError LongMethod{501, "the method is not implemented"};
constexpr HeadError ConnectMethod{501, "CONNECT is not implemented: this is no tunnel"};
constexpr HeadError BadVersion{400, "the protocol version is malformed"};
constexpr HeadError OtherVersion{505, "only HTTP/1.0 and HTTP/1.1 are spoken on this connection"};
constexpr HeadError RepeatedHost{400, "Host is repeated"};
constexpr HeadError MissingHost{400, "Host is missing"};
constexpr HeadError BadHost{400, "Host is not a name or address with an optional port"};
constexpr HeadError OtherHost{400, "Host differs from the host of the request target"};
constexpr HeadError RepeatedLength{400, "Content-Length is repeated"};
constexpr HeadError BadLength{400, "Content-Length is not a plain decimal number"};
constexpr HeadError LargeLength{413, "Content-Length is beyond every limit"};
constexpr HeadError LengthAndCoding{400, "Content-Length and Transfer-Encoding in one message"};
constexpr HeadError RepeatedCoding{400, "Transfer-Encoding is repeated"};
constexpr HeadError CodingInOldVersion{400, "Transfer-Encoding in HTTP/1.0"};
constexpr HeadError BadCoding{400, "Transfer-Encoding is not exactly chunked"};
constexpr HeadError OtherCoding{501, "transfer codings other than chunked are not implemented"};
constexpr HeadError RepeatedContentType{400, "Content-Type is repeated"};
constexpr HeadError RepeatedAuthorization{400, "Authorization is repeated"};
constexpr HeadError RepeatedExpect{400, "Expect is repeated"};
constexpr HeadError OtherExpect{417, "only Expect: 100-continue can be met"};

constexpr HeadError BadStatusLine{502, "the status line is not HTTP/1.x SP status [SP reason]"};
constexpr HeadError StatusRange{502, "the status is not 100..599"};
constexpr HeadError Switching{502, "the endpoint switches protocols (101), which nobody asked for"};
constexpr HeadError InterimWithBody{502, "an interim answer announces a body"};
constexpr HeadError BadFieldsInAnswer{502, "the answer has a malformed header line"};
constexpr HeadError TooManyInAnswer{502, "the answer has more than 100 headers"};
constexpr HeadError ConnectionInAnswer{502, "Connection of the answer is malformed or names a header that may not be removed"};
constexpr HeadError LengthInAnswer{502, "Content-Length of the answer is repeated, listed or not a plain decimal number"};
constexpr HeadError BothInAnswer{502, "Content-Length and Transfer-Encoding in one answer"};
constexpr HeadError CodingInAnswer{502, "Transfer-Encoding of the answer is not exactly chunked, or in HTTP/1.0"};

Method identify_method(std::string_view m) {
  switch (m.size()) {
    case 3: return m == "GET" ? Method::Get : m == "PUT" ? Method::Put : Method::Other;
    case 4: return m == "POST" ? Method::Post : m == "HEAD" ? Method::Head : Method::Other;
    case 5: return m == "PATCH" ? Method::Patch : Method::Other;
    case 6: return m == "DELETE" ? Method::Delete : Method::Other;
    case 7: return m == "OPTIONS" ? Method::Options : Method::Other;
    default: return Method::Other;
  }
}

/// "HTTP/1.0" or "HTTP/1.1", case-sensitive.
const HeadError* parse_version(std::string_view text, std::uint8_t& minor) {
  if (text.size() != 8 || std::memcmp(text.data(), "HTTP/", 5) != 0 || !is_digit(text[5]) || text[6] != '.' || !is_digit(text[7]))
    return &BadVersion;
  if (text[5] != '1' || text[7] > '1') return &OtherVersion;
  minor = static_cast<std::uint8_t>(text[7] - '0');
  return nullptr;
}

/// Reads the request line and leaves p behind its CRLF; `authority` is that of an absolute-form target, else empty.
const HeadError* parse_request_line(const char*& p, const char* end, RequestHead& out, std::string_view& authority) {
  const char* start = p;
  while (p != end && ((*p >= 'A' && *p <= 'Z') || *p == '-')) ++p;
  out.method = std::string_view(start, static_cast<std::size_t>(p - start));
  if (p == end || *p != ' ' || p == start) return p != end && is_token_char(*p) ? &BadMethod : &BadRequestLine;
  if (*start == '-') return &BadMethod;
  if (out.method.size() > MethodBytesMax) return &LongMethod;
  out.method_id = identify_method(out.method);

  const char* target = ++p;
  p = find_target_end(p, end);
  const std::string_view raw(target, static_cast<std::size_t>(p - target));
  if (raw.size() > TargetBytesMax) return &TargetTooLong;
  if (raw.empty()) return &BadRequestLine;
  // Whatever stopped the target inside of it is told as its fault; the missing version of HTTP/0.9 as the line's.
  if (p == end || *p != ' ') return p == end || *p == '\r' ? &BadRequestLine : &BadTarget;
  ++p;
  if (end - p >= 10 && std::memcmp(p, "HTTP/1.1\r\n", 10) == 0) {
    out.minor_version = 1;
    p += 10;
  } else {
    const char* version = p;
    p = find_control(p, end);
    if (end - p < 2 || p[0] != '\r' || p[1] != '\n') return &BadRequestLine;
    const HeadError* error = parse_version(std::string_view(version, static_cast<std::size_t>(p - version)), out.minor_version);
    if (error != nullptr) return error;
    p += 2;
  }
  if (out.method == "CONNECT") return &ConnectMethod;
  return split_target(raw, out, authority);
}

/// Whether `text` lists coding names that end in the only "chunked".
bool ends_in_chunked(std::string_view text) {
  const std::size_t comma = text.rfind(',');
  if (comma == std::string_view::npos) return false;
  std::string_view before = text.substr(0, comma), last = text.substr(comma + 1);
  while (!last.empty() && (last.front() == ' ' || last.front() == '\t')) last.remove_prefix(1);
  if (!equals_ignoring_case(last, "chunked")) return false;
  for (;;) {
    const std::size_t at = before.rfind(',');
    std::string_view name = before.substr(at == std::string_view::npos ? 0 : at + 1);
    while (!name.empty() && (name.front() == ' ' || name.front() == '\t')) name.remove_prefix(1);
    while (!name.empty() && (name.back() == ' ' || name.back() == '\t')) name.remove_suffix(1);
    if (!is_token(name) || equals_ignoring_case(name, "chunked") || equals_ignoring_case(name, "identity")) return false;
    if (at == std::string_view::npos) return true;
    before = before.substr(0, at);
  }
}

const HeadError* check_host(const FieldsSeen& seen, std::string_view authority, RequestHead& out) {
  if (!seen.has(HeaderId::Host)) {
    if (out.minor_version == 1) return &MissingHost;
    out.host = authority;
    return authority.empty() || is_valid_host(authority) ? nullptr : &BadHost;
  }
  if (seen.has_repeated(HeaderId::Host)) return &RepeatedHost;
  out.host = out.headers.items[seen.first[static_cast<unsigned>(HeaderId::Host)]].value;
  if (!is_valid_host(out.host)) return &BadHost;
  if (!authority.empty() && !equals_ignoring_case(authority, out.host)) return &OtherHost;
  return nullptr;
}

const HeadError* frame_request(const FieldsSeen& seen, RequestHead& out) {
  out.framing = Framing::None;
  out.content_length = 0;
  const auto value_of = [&](HeaderId id) { return out.headers.items[seen.first[static_cast<unsigned>(id)]].value; };
  if (seen.has(HeaderId::TransferEncoding)) {
    if (seen.has(HeaderId::ContentLength)) return &LengthAndCoding;
    if (seen.has_repeated(HeaderId::TransferEncoding)) return &RepeatedCoding;
    if (out.minor_version == 0) return &CodingInOldVersion;
    const std::string_view coding = value_of(HeaderId::TransferEncoding);
    if (!equals_ignoring_case(coding, "chunked")) return ends_in_chunked(coding) ? &OtherCoding : &BadCoding;
    out.framing = Framing::Chunked;
  } else if (seen.has(HeaderId::ContentLength)) {
    if (seen.has_repeated(HeaderId::ContentLength)) return &RepeatedLength;
    switch (parse_content_length(value_of(HeaderId::ContentLength), out.content_length)) {
      case LengthCheck::Malformed: return &BadLength;
      case LengthCheck::TooLarge: return &LargeLength;
      case LengthCheck::Good: break;
    }
    out.framing = Framing::Length;
  }
  return nullptr;
}

const HeadError* frame_response(const FieldsSeen& seen, Method to_method, ResponseHead& out) {
  out.content_length = 0;
  bool chunked = false, length = false;
  if (seen.has(HeaderId::TransferEncoding)) {
    if (seen.has(HeaderId::ContentLength)) return &BothInAnswer;
    const std::string_view coding = out.headers.items[seen.first[static_cast<unsigned>(HeaderId::TransferEncoding)]].value;
    if (seen.has_repeated(HeaderId::TransferEncoding) || out.minor_version == 0 || !equals_ignoring_case(coding, "chunked"))
      return &CodingInAnswer;
    chunked = true;
  } else if (seen.has(HeaderId::ContentLength)) {
    const std::string_view text = out.headers.items[seen.first[static_cast<unsigned>(HeaderId::ContentLength)]].value;
    if (seen.has_repeated(HeaderId::ContentLength) || parse_content_length(text, out.content_length) != LengthCheck::Good)
      return &LengthInAnswer;
    length = true;
  }

  const bool announces_body = chunked || out.content_length > 0;
  if (out.status < 200) {
    if (announces_body) return &InterimWithBody;
    out.framing = Framing::None;
  } else if (out.status == 204) {
    out.framing = Framing::None;
    if (announces_body) out.keep_alive = false;  // nobody can say whether the bytes that follow are a body or the next answer
  } else if (out.status == 304 || to_method == Method::Head) {
    out.framing = Framing::None;
  } else if (chunked || length) {
    out.framing = chunked ? Framing::Chunked : Framing::Length;
  } else {
    out.framing = Framing::UntilClose;
    out.keep_alive = false;
  }
  return nullptr;
}

}  // namespace

const Header* Headers::find(HeaderId id) const {
  if (!holds(id)) return nullptr;
  for (const Header& header : *this) {
    if (header.id == id) return &header;
  }
  return nullptr;
}

const Header* Headers::find(std::string_view name) const {
  if (!holds(HeaderId::XEvener) && name.starts_with("x-evener-")) return nullptr;  // most names that are asked for are ours
  for (const Header& header : *this) {
    if (equals_ignoring_case(header.name, name)) return &header;
  }
  return nullptr;
}

HeadScanner::State HeadScanner::scan(std::string_view bytes) {
  const char* const begin = bytes.data();
  const char* const end = begin + bytes.size();
  if (scanned_ == 0 && (bytes.starts_with('\n') || bytes.starts_with("\r\n"))) return State::Bad;
  const char* p = begin + scanned_;
  // Two bytes earlier, for an empty line shows by the CR in front of it.
  if (const char* const q = skip_good_lines(scanned_ < 2 ? begin : p - 2, end); q > p) {
    p = *q == '\n' ? q + 1 : q;  // never between CR and LF
  }
  for (;;) {
    p = find_line_end(p, end);
    if (p == end || (*p == '\r' && p + 1 == end)) {
      scanned_ = static_cast<std::size_t>(p - begin);  // a CR at the very end is looked at again with what follows it
      return State::NeedMore;
    }
    if (*p != '\r' || p[1] != '\n') {
      scanned_ = static_cast<std::size_t>(p - begin);  // in front of it, so that asking again answers the same
      return State::Bad;
    }
    if (p != begin && p[-1] == '\n') {
      length_ = static_cast<std::size_t>(p - begin) + 2;
      return State::Complete;
    }
    p += 2;
  }
}

const HeadError* parse_request_head(std::string_view head, RequestHead& out) {
  const char* p = head.data();
  const char* const end = p + head.size();
  std::string_view authority;
  if (const HeadError* error = parse_request_line(p, end, out, authority)) return error;
  FieldsSeen seen;
  if (const HeadError* error = parse_fields(p, end, out.headers, seen)) return error;
  if (const HeadError* error = check_host(seen, authority, out)) return error;
  if (const HeadError* error = frame_request(seen, out)) return error;

  // A second one of these would leave it open which of the two we and the endpoint believe.
  if (seen.has_repeated(HeaderId::ContentType)) return &RepeatedContentType;
  if (seen.has_repeated(HeaderId::Authorization)) return &RepeatedAuthorization;

  ConnectionOptions options;
  if (seen.has(HeaderId::Connection)) {
    if (const HeadError* error = apply_connection(out.headers, seen, options)) return error;
  }
  out.keep_alive = !options.close && (out.minor_version == 1 || options.keep_alive);
  out.upgrade = seen.has(HeaderId::Upgrade);

  out.expect_continue = false;
  if (seen.has(HeaderId::Expect)) {
    if (seen.has_repeated(HeaderId::Expect)) return &RepeatedExpect;
    if (!equals_ignoring_case(out.headers.items[seen.first[static_cast<unsigned>(HeaderId::Expect)]].value, "100-continue"))
      return &OtherExpect;
    const bool has_body = out.framing == Framing::Chunked || out.content_length > 0;
    out.expect_continue = has_body && out.minor_version == 1;
  }
  return nullptr;
}

const HeadError* parse_response_head(std::string_view head, Method to_method, ResponseHead& out) {
  const char* p = head.data();
  const char* const end = p + head.size();
  const char* const line_end = find_control(p, end);
  if (end - line_end < 2 || line_end[0] != '\r' || line_end[1] != '\n') return &BadStatusLine;
  const std::string_view line(p, static_cast<std::size_t>(line_end - p));
  // "HTTP/1.1 200": the blank after the status is required by the grammar, yet without a reason some servers leave it out, harmlessly.
  if (line.size() < 12 || line[8] != ' ' || parse_version(line.substr(0, 8), out.minor_version) != nullptr) return &BadStatusLine;
  if (!is_digit(line[9]) || !is_digit(line[10]) || !is_digit(line[11]) || (line.size() > 12 && line[12] != ' ')) return &BadStatusLine;
  out.status = static_cast<std::uint16_t>((line[9] - '0') * 100 + (line[10] - '0') * 10 + (line[11] - '0'));
  out.reason = line.size() > 13 ? line.substr(13) : std::string_view();
  if (out.status < 100 || out.status > 599) return &StatusRange;
  if (out.status == 101) return &Switching;

  FieldsSeen seen;
  if (const HeadError* error = parse_fields(line_end + 2, end, out.headers, seen))
    return error->status == 431 ? &TooManyInAnswer : &BadFieldsInAnswer;
  ConnectionOptions options;
  if (seen.has(HeaderId::Connection)) {
    if (apply_connection(out.headers, seen, options) != nullptr) return &ConnectionInAnswer;
  }
  out.keep_alive = !options.close && (out.minor_version == 1 || options.keep_alive);
  return frame_response(seen, to_method, out);
}

}  // namespace evener::net::http1
