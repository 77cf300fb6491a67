#pragma once
// HTTP/1 message heads: bytes -> values, strictly. One answer per input: whatever is ambiguous about where a message ends or who it is for
// is refused (RFC 9112 MUSTs, and the rules below). No sockets; the views point into the caller's buffer. Heads are never forwarded raw:
// write them anew with head_writer.h.

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace evener::net::http1 {

inline constexpr std::size_t HeadersMax = 100;
inline constexpr std::size_t TargetBytesMax = 8192;  // longer: 414
inline constexpr std::size_t MethodBytesMax = 24;    // longer: 501
inline constexpr std::size_t HostBytesMax = 255;

enum class Method : std::uint8_t { Get, Head, Post, Put, Delete, Options, Patch, Other };

/// Headers the proxy itself reads or removes; all others are Other.
enum class HeaderId : std::uint8_t {
  Other,
  Host,
  ContentLength,
  TransferEncoding,
  Connection,
  KeepAlive,
  ProxyConnection,
  Te,
  Trailer,
  Upgrade,
  Expect,
  ContentType,
  ContentEncoding,
  Authorization,
  ProxyAuthenticate,
  ProxyAuthorization,
  XForwardedFor,
  XForwardedHost,
  XForwardedProto,
  XForwardedPort,
  Forwarded,
  XRealIp,
  ClientClaim /* other claims about who the client is and how it asked: X-Forwarded-Prefix, X-Client-IP, CF-Connecting-IP, ... */,
  XRequestId,
  Traceparent,
  Tracestate,
  RetryAfter,
  Via,
  XEvener /* any name that starts with x-evener- */,
  Date,
  Server,
};

struct Header {
  std::string_view name;   // as received
  std::string_view value;  // without surrounding blanks
  HeaderId id = HeaderId::Other;
  bool hop_by_hop = false;  // one of the fixed set, or named by Connection: must not be forwarded
};

/// How the body of the message is delimited.
enum class Framing : std::uint8_t { None, Length, Chunked, UntilClose };

/// A fixed array, because heads are parsed on the hot path: no allocation.
struct Headers {
  union {  // left uninitialised: clearing 4 KB would cost more than parsing what is usually in it
    std::array<Header, HeadersMax> items;
  };
  std::uint32_t count = 0;
  std::uint32_t ids = 0;  // bit = id: which of them are there

  Headers() {}

  [[nodiscard]] const Header* begin() const { return items.data(); }
  [[nodiscard]] const Header* end() const { return items.data() + count; }
  [[nodiscard]] bool holds(HeaderId id) const { return ((ids >> static_cast<unsigned>(id)) & 1U) != 0; }
  /// First header with this id, or nullptr. O(count) where there is one, else O(1).
  [[nodiscard]] const Header* find(HeaderId id) const;
  /// First header with this name, ASCII case ignored, or nullptr.
  [[nodiscard]] const Header* find(std::string_view name) const;
};

struct RequestHead {
  std::string_view method;
  Method method_id = Method::Other;
  std::string_view target;          // as received, always origin-form, or "*" with OPTIONS; absolute-form is reduced to its path
  std::string_view path, query;     // split at the first '?'; query without it
  std::string_view host;            // of Host (or of the absolute-form target, which then must agree with Host)
  std::uint8_t minor_version = 1;   // HTTP/1.minor
  Framing framing = Framing::None;  // None, Length or Chunked
  std::uint64_t content_length = 0;
  bool keep_alive = true;  // what the client wants
  bool expect_continue = false;
  bool upgrade = false;  // asks for a protocol change; we answer as if it had not
  Headers headers;
};

struct ResponseHead {
  std::uint16_t status = 0;  // 100..599
  std::string_view reason;
  std::uint8_t minor_version = 1;
  Framing framing = Framing::None;
  std::uint64_t content_length = 0;
  bool keep_alive = true;  // whether the connection may be used again after the body
  Headers headers;
};

/// Finds where a head ends without parsing it, over bytes that arrive in pieces; each byte is looked at once.
/// Refuses a bare LF or a stray CR at once, so that such a client gets its 400 and does not hang, and an empty line before the first.
class HeadScanner {
 public:
  enum class State : std::uint8_t { NeedMore, Complete, Bad };
  /// `bytes` is everything received of this message so far (the beginning stays the same between calls).
  State scan(std::string_view bytes);
  /// Length of the head including the empty line; valid after Complete.
  [[nodiscard]] std::size_t length() const { return length_; }
  void reset() { *this = HeadScanner(); }

 private:
  std::size_t scanned_ = 0;  // up to here every CR has its LF, every LF its CR, and no line is empty; never between the two
  std::size_t length_ = 0;
};

/// Why a head was refused: the status to answer and a sentence for the log and the client. Requests: 400, 413, 414, 417, 431, 501, 505.
/// Answers: always 502, for it is the endpoint that is at fault.
struct HeadError {
  std::uint16_t status = 400;
  const char* reason = "";
};

/// Parses one complete head (as measured by HeadScanner). Returns nullptr when it is good, else the error (static storage).
/// Refused for requests:
///   the line   anything but `METHOD SP target SP HTTP/1.0|1.1 CRLF`; other versions (505); methods that are not upper-case letters and '-';
///              CONNECT (501); fragments, raw blanks, controls and non-ASCII in targets, the characters " < > \, a broken or zero %-triplet
///              in the path; userinfo in an absolute form
///   fields     obs-fold; white space before the colon; empty or non-token names; control characters in values; more than HeadersMax (431);
///              '_' spellings of names the proxy acts on (others pass as they are); Connection naming one of those
///   the host   missing in 1.1, repeated, empty, not a plain name, address or [v6] with an optional port, other than in the absolute form
///   the body   Content-Length that is repeated, listed, signed, zero-padded or not digits, or beyond 2^63 (413); Content-Length together
///              with Transfer-Encoding; a Transfer-Encoding other than exactly one "chunked" (501 where only an unknown coding comes before
///              it); Transfer-Encoding in HTTP/1.0
///   others     repeated Content-Type, Authorization or Expect; an Expect other than 100-continue (417)
[[nodiscard]] const HeadError* parse_request_head(std::string_view head, RequestHead& out);

/// The same for an answer. `to_method` decides the framing (HEAD has no body). 1xx, 204 and 304 have none either; a 204 that announces one
/// nevertheless is taken as empty and its connection is not kept.
/// Refused: Content-Length with Transfer-Encoding, bad lengths, codings other than one final "chunked", any coding in HTTP/1.0, 1xx that
/// announce a body, control bytes, 101, all that is wrong with fields above.
[[nodiscard]] const HeadError* parse_response_head(std::string_view head, Method to_method, ResponseHead& out);

}  // namespace evener::net::http1
