#pragma once
// Header lines: one strict reader for the fields of requests, answers and trailers. What a field means for the message is decided in head.cc.

#include <array>
#include <cstdint>
#include <string_view>

#include "evener/net/http1/head.h"

namespace evener::net::http1 {

/// Options a Connection field may list, so that its names cannot be made to cost (options x headers).
inline constexpr std::uint32_t ConnectionOptionsMax = 32;

constexpr bool is_digit(char c) { return c >= '0' && c <= '9'; }

/// tchar of RFC 9110 section 5.6.2.
[[nodiscard]] bool is_token_char(char c);
[[nodiscard]] bool is_token(std::string_view text);
[[nodiscard]] bool equals_ignoring_case(std::string_view a, std::string_view b);

/// The id of a header name, ASCII case ignored.
[[nodiscard]] HeaderId identify(std::string_view name);

/// The fixed set of fields that speak of one connection only.
[[nodiscard]] constexpr bool is_hop_by_hop(HeaderId id) {
  using enum HeaderId;
  constexpr auto Set = [] {
    std::uint32_t bits = 0;
    for (const HeaderId one :
         {Connection, KeepAlive, ProxyConnection, Te, Trailer, TransferEncoding, Upgrade, ProxyAuthenticate, ProxyAuthorization}) {
      bits |= 1U << static_cast<unsigned>(one);
    }
    return bits;
  }();
  return ((Set >> static_cast<unsigned>(id)) & 1U) != 0;
}

/// Reads one `name: value CRLF` that starts at p and moves p behind it. [p, end) must end in CRLF.
[[nodiscard]] const HeadError* parse_field(const char*& p, const char* end, Header& out);

/// What the fields of one message contain, by id.
struct FieldsSeen {
  std::uint32_t once = 0, repeated = 0;  // bit = id
  std::array<std::uint8_t, 32> first;    // index of the first field with that id; valid where `once` has its bit

  [[nodiscard]] bool has(HeaderId id) const { return ((once >> static_cast<unsigned>(id)) & 1U) != 0; }
  [[nodiscard]] bool has_repeated(HeaderId id) const { return ((repeated >> static_cast<unsigned>(id)) & 1U) != 0; }
};

/// Reads header lines up to and including the empty one, which must end the head. Sets ids and hop-by-hop marks of the fixed set.
[[nodiscard]] const HeadError* parse_fields(const char* p, const char* end, Headers& out, FieldsSeen& seen);

struct ConnectionOptions {
  bool close = false, keep_alive = false;
};
/// Reads all Connection fields, of which there must be one at least, and marks the fields they name. A field that the proxy acts on end to end
/// (Host, Content-Length, Authorization, X-Forwarded-*, ...) may not be named: stripping it would change who the request is for or what it may
/// do.
[[nodiscard]] const HeadError* apply_connection(Headers& headers, const FieldsSeen& seen, ConnectionOptions& options);

enum class LengthCheck : std::uint8_t { Good, Malformed, TooLarge };
/// Digits only, no leading zero (some readers take it for octal), at most 2^63 - 1.
[[nodiscard]] LengthCheck parse_content_length(std::string_view text, std::uint64_t& out);

}  // namespace evener::net::http1
