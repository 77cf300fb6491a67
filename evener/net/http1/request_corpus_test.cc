// One list of good, borderline and hostile requests with the answer each must get. Rows are grouped by what they try.

#include <doctest/doctest.h>

#include <span>
#include <string>
#include <string_view>

#include "evener/net/http1/testing.h"

namespace {

using namespace std::string_view_literals;
using evener::net::http1::testing::Accepted;
using evener::net::http1::testing::answer_to_request;
using evener::net::http1::testing::Waiting;

struct Row {
  std::string_view text;
  int answer;
};

std::string escaped(std::string_view bytes) {
  static constexpr char Hex[] = "0123456789abcdef";
  std::string out;
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte >= 0x20 && byte < 0x7f) {
      out += c;
    } else {
      out += std::string("\\x") + Hex[byte >> 4] + Hex[byte & 15];
    }
  }
  return out;
}

void check(std::string_view request, int expected) {
  const std::string readable = escaped(request);
  CAPTURE(readable);
  CHECK(answer_to_request(request) == expected);
}

// Request lines; the head goes on with "Host: a" and ends.
constexpr Row RequestLines[] = {
    {"GET / HTTP/1.1"sv, Accepted},
    {"GET / HTTP/1.0"sv, Accepted},
    {"POST /v1/chat/completions HTTP/1.1"sv, Accepted},
    {"HEAD /health HTTP/1.1"sv, Accepted},
    {"PUT /x HTTP/1.1"sv, Accepted},
    {"DELETE /x HTTP/1.1"sv, Accepted},
    {"OPTIONS * HTTP/1.1"sv, Accepted},
    {"PATCH /x HTTP/1.1"sv, Accepted},
    {"M-SEARCH /x HTTP/1.1"sv, Accepted},
    {"GET /?a=b&c=d?e HTTP/1.1"sv, Accepted},
    {"GET /v1/models/meta-llama/Llama-3 HTTP/1.1"sv, Accepted},
    {"POST /v1/models/m:predict HTTP/1.1"sv, Accepted},
    {"GET /%41%2f..%20 HTTP/1.1"sv, Accepted},
    {"GET /?q=100% HTTP/1.1"sv, Accepted},
    {"GET /a//b/../c/./d HTTP/1.1"sv, Accepted},  // normalising is the gateway's
    {"GET /?a[]={b|c}^` HTTP/1.1"sv, Accepted},
    {"GET http://a/ HTTP/1.1"sv, Accepted},
    {"GET HTTP://A/x?y HTTP/1.1"sv, Accepted},
    {"GET https://a HTTP/1.1"sv, Accepted},
    {"OPTIONS http://a HTTP/1.1"sv, Accepted},
    // Blanks and other separators.
    {"GET  / HTTP/1.1"sv, 400},
    {"GET /  HTTP/1.1"sv, 400},
    {"GET / HTTP/1.1 "sv, 400},
    {" GET / HTTP/1.1"sv, 400},
    {"\tGET / HTTP/1.1"sv, 400},
    {"GET\t/ HTTP/1.1"sv, 400},
    {"GET /\tHTTP/1.1"sv, 400},
    {"GET\v/ HTTP/1.1"sv, 400},
    {"GET\f/ HTTP/1.1"sv, 400},
    {"GET /a b HTTP/1.1"sv, 400},
    {"GET\xa0/ HTTP/1.1"sv, 400},
    {"GET /"sv, 400},
    {"GET"sv, 400},
    {"/ HTTP/1.1"sv, 400},
    {"GET / "sv, 400},
    {"GET HTTP/1.1"sv, 400},
    {"GET  HTTP/1.1"sv, 400},
    // Methods.
    {"get / HTTP/1.1"sv, 400},
    {"Get / HTTP/1.1"sv, 400},
    {"G\0ET / HTTP/1.1"sv, 400},
    {"GET: / HTTP/1.1"sv, 400},
    {"G{T / HTTP/1.1"sv, 400},
    {"GET1 / HTTP/1.1"sv, 400},
    {"-GET / HTTP/1.1"sv, 400},
    {"\"GET\" / HTTP/1.1"sv, 400},
    {"ABCDEFGHIJKLMNOPQRSTUVWX / HTTP/1.1"sv, Accepted},
    {"ABCDEFGHIJKLMNOPQRSTUVWXY / HTTP/1.1"sv, 501},
    {"CONNECT a:443 HTTP/1.1"sv, 501},
    {"CONNECT / HTTP/1.1"sv, 501},
    // Versions.
    {"GET / HTTP/2.0"sv, 505},
    {"PRI * HTTP/2.0"sv, 505},
    {"GET / HTTP/0.9"sv, 505},
    {"GET / HTTP/1.2"sv, 505},
    {"GET / HTTP/1.9"sv, 505},
    {"GET / HTTP/3.1"sv, 505},
    {"GET / HTTP/1"sv, 400},
    {"GET / HTTP/1."sv, 400},
    {"GET / HTTP/.1"sv, 400},
    {"GET / HTTP/1.10"sv, 400},
    {"GET / HTTP/01.1"sv, 400},
    {"GET / HTTP/1,1"sv, 400},
    {"GET / http/1.1"sv, 400},
    {"GET / Http/1.1"sv, 400},
    {"GET / HTTPS/1.1"sv, 400},
    {"GET / HTTP 1.1"sv, 400},
    {"GET / HTTP/-1.1"sv, 400},
    {"GET / HTTP/1.1\0"sv, 400},
    {"GET / HTTP/1.1x"sv, 400},
    {"GET / ICAP/1.0"sv, 400},
    {"GET / HTTP/\xc2\xb9.1"sv, 400},
    // Targets.
    {"GET * HTTP/1.1"sv, 400},
    {"OPTIONS *x HTTP/1.1"sv, 400},
    {"GET a HTTP/1.1"sv, 400},
    {"GET a/b HTTP/1.1"sv, 400},
    {"GET ?a HTTP/1.1"sv, 400},
    {"GET a:80 HTTP/1.1"sv, 400},
    {"GET \\a HTTP/1.1"sv, 400},
    {"GET /a\\b HTTP/1.1"sv, 400},
    {"GET /#a HTTP/1.1"sv, 400},
    {"GET /a?b#c HTTP/1.1"sv, 400},
    {"GET /\"a\" HTTP/1.1"sv, 400},
    {"GET /<script> HTTP/1.1"sv, 400},
    {"GET /\0 HTTP/1.1"sv, 400},
    {"GET /\x01 HTTP/1.1"sv, 400},
    {"GET /\x7f HTTP/1.1"sv, 400},
    {"GET /\x80 HTTP/1.1"sv, 400},
    {"GET /\xc3\xbc HTTP/1.1"sv, 400},
    {"GET /\xff\xfe HTTP/1.1"sv, 400},
    {"GET /%00 HTTP/1.1"sv, 400},
    {"GET /a%00.json HTTP/1.1"sv, 400},
    {"GET /% HTTP/1.1"sv, 400},
    {"GET /%4 HTTP/1.1"sv, 400},
    {"GET /%zz HTTP/1.1"sv, 400},
    {"GET /%u0041 HTTP/1.1"sv, 400},
    {"GET http://b/ HTTP/1.1"sv, 400},  // Host says a
    {"GET http://a:80/ HTTP/1.1"sv, 400},
    {"GET http://a@a/ HTTP/1.1"sv, 400},
    {"GET http://u:p@a/ HTTP/1.1"sv, 400},
    {"GET http:///x HTTP/1.1"sv, 400},
    {"GET http:/a/x HTTP/1.1"sv, 400},
    {"GET http://a?x HTTP/1.1"sv, 400},
    {"GET ftp://a/ HTTP/1.1"sv, 400},
    {"GET file:///etc/passwd HTTP/1.1"sv, 400},
    {"GET //a/x HTTP/1.1"sv, Accepted},  // a path that begins with an empty segment, nothing else
};

TEST_CASE("each request line of the corpus gets its one answer") {
  for (const Row& row : RequestLines) check(std::string(row.text) + "\r\nHost: a\r\n\r\n", row.answer);
}

// Field lines of a POST in HTTP/1.1; Host comes first.
constexpr Row Fields[] = {
    {"Accept: */*"sv, Accepted},
    {"Accept:*/*"sv, Accepted},
    {"Accept: \t */* \t"sv, Accepted},
    {"X:"sv, Accepted},
    {"X: "sv, Accepted},
    {"X: a\tb"sv, Accepted},
    {"X: \xc3\xbc\xff"sv, Accepted},
    {"!#$%&'*+-.^_`|~: x"sv, Accepted},
    {"x_custom_field: 1"sv, Accepted},
    {"X: a: b: c"sv, Accepted},
    {"1: 2"sv, Accepted},
    // Names.
    {": x"sv, 400},
    {":"sv, 400},
    {"X : y"sv, 400},
    {"X\t: y"sv, 400},
    {" X: y"sv, 400},
    {"\tX: y"sv, 400},
    {"X y: z"sv, 400},
    {"X"sv, 400},
    {"X y"sv, 400},
    {"X(a): y"sv, 400},
    {"X,Y: z"sv, 400},
    {"\"X\": y"sv, 400},
    {"X/Y: z"sv, 400},
    {"X@Y: z"sv, 400},
    {"X[0]: z"sv, 400},
    {"X\0: y"sv, 400},
    {"\0X: y"sv, 400},
    {"X\x7f: y"sv, 400},
    {"X\xc3\xa9: y"sv, 400},
    {"X\x0b: y"sv, 400},
    // Values.
    {"X: a\0b"sv, 400},
    {"X: \x01"sv, 400},
    {"X: a\x0b"sv, 400},
    {"X: a\x0c"sv, 400},
    {"X: \x1b[2J"sv, 400},
    {"X: \x7f"sv, 400},
    // Line ends.
    {"X: a\r\n b"sv, 400},
    {"X: a\r\n\tb"sv, 400},
    {"X:\r\n a"sv, 400},
    {"X: a\nY: b"sv, 400},
    {"X: a\rY: b"sv, 400},
    {"X: a\r\r"sv, 400},
    {"X: a\n"sv, 400},
    {"X: a\n\r\nY: b"sv, 400},
    {"X\r\n: a"sv, 400},
    // Host.
    {"Host: a"sv, 400},
    {"Host: b"sv, 400},
    {"HOST: a"sv, 400},
    {"Host:"sv, 400},
    // Content-Length.
    {"Content-Length: 0"sv, Accepted},
    {"Content-Length: 5"sv, Accepted},
    {"content-length:5"sv, Accepted},
    {"CONTENT-LENGTH:\t5\t"sv, Accepted},
    {"Content-Length: 9223372036854775807"sv, Accepted},
    {"Content-Length: 9223372036854775808"sv, 413},
    {"Content-Length: 18446744073709551616"sv, 413},
    {"Content-Length: 99999999999999999999999999"sv, 413},
    {"Content-Length: 5\r\nContent-Length: 5"sv, 400},
    {"Content-Length: 5\r\nContent-Length: 6"sv, 400},
    {"Content-Length: 5\r\nX: y\r\ncontent-length: 0"sv, 400},
    {"Content-Length: 4, 4"sv, 400},
    {"Content-Length: 4,"sv, 400},
    {"Content-Length: ,4"sv, 400},
    {"Content-Length: 4;q=1"sv, 400},
    {"Content-Length: +4"sv, 400},
    {"Content-Length: -4"sv, 400},
    {"Content-Length: 0x4"sv, 400},
    {"Content-Length: 04"sv, 400},
    {"Content-Length: 00"sv, 400},
    {"Content-Length: 4 4"sv, 400},
    {"Content-Length: 4.0"sv, 400},
    {"Content-Length: 1e1"sv, 400},
    {"Content-Length: 1_000"sv, 400},
    {"Content-Length: \"4\""sv, 400},
    {"Content-Length:"sv, 400},
    {"Content-Length: "sv, 400},
    {"Content-Length: four"sv, 400},
    {"Content-Length: \xd9\xa4"sv, 400},
    {"Content-Length: 4\0"sv, 400},
    {"Content-Length : 4"sv, 400},
    {"Content-Length\0: 4"sv, 400},
    {" Content-Length: 4"sv, 400},
    {"Content_Length: 4"sv, 400},
    {"CONTENT_LENGTH: 4"sv, 400},
    // Transfer-Encoding.
    {"Transfer-Encoding: chunked"sv, Accepted},
    {"transfer-encoding:chunked"sv, Accepted},
    {"Transfer-Encoding: CHUNKED"sv, Accepted},
    {"Transfer-Encoding:  chunked\t"sv, Accepted},
    {"Transfer-Encoding: gzip, chunked"sv, 501},
    {"Transfer-Encoding: deflate , gzip, chunked"sv, 501},
    {"Transfer-Encoding: gzip"sv, 400},
    {"Transfer-Encoding: identity"sv, 400},
    {"Transfer-Encoding: identity, chunked"sv, 400},
    {"Transfer-Encoding: chunked, identity"sv, 400},
    {"Transfer-Encoding: chunked, gzip"sv, 400},
    {"Transfer-Encoding: chunked, chunked"sv, 400},
    {"Transfer-Encoding: chunked,"sv, 400},
    {"Transfer-Encoding: ,chunked"sv, 400},
    {"Transfer-Encoding: chunked;q=1"sv, 400},
    {"Transfer-Encoding: \"chunked\""sv, 400},
    {"Transfer-Encoding: 'chunked'"sv, 400},
    {"Transfer-Encoding: xchunked"sv, 400},
    {"Transfer-Encoding: chunkedx"sv, 400},
    {"Transfer-Encoding: chunke"sv, 400},
    {"Transfer-Encoding: chunk\xc5\x87"
     "ed"sv,
     400},
    {"Transfer-Encoding: chunked\0"sv, 400},
    {"Transfer-Encoding: \x0b"
     "chunked"sv,
     400},
    {"Transfer-Encoding:"sv, 400},
    {"Transfer-Encoding:\r\n chunked"sv, 400},
    {"Transfer-Encoding : chunked"sv, 400},
    {"Transfer_Encoding: chunked"sv, 400},
    {"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked"sv, 400},
    {"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity"sv, 400},
    {"Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked"sv, 400},
    {"Transfer-Encoding: chunked\r\nContent-Length: 4"sv, 400},
    {"Content-Length: 4\r\nTransfer-Encoding: chunked"sv, 400},
    {"Content-Length: 0\r\nTransfer-Encoding: chunked"sv, 400},
    {"Content-Length: 4\r\nTransfer-Encoding: identity"sv, 400},
    // Connection and what it names.
    {"Connection: close"sv, Accepted},
    {"Connection: keep-alive, close"sv, Accepted},
    {"Connection: x-hop\r\nX-Hop: 1"sv, Accepted},
    {"Connection: , ,close,"sv, Accepted},
    {"Connection:"sv, Accepted},
    {"Connection: TE\r\nTE: trailers"sv, Accepted},
    {"Connection: Upgrade\r\nUpgrade: websocket"sv, Accepted},
    {"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk"sv, Accepted},
    {"Connection: close\r\nConnection: x"sv, Accepted},
    {"Connection: Host"sv, 400},
    {"Connection: close, host"sv, 400},
    {"Connection: Content-Length\r\nContent-Length: 4"sv, 400},
    {"Connection: transfer-encoding\r\nTransfer-Encoding: chunked"sv, 400},
    {"Connection: Authorization"sv, 400},
    {"Connection: content-type"sv, 400},
    {"Connection: X-Forwarded-For"sv, 400},
    {"Connection: x-evener-tenant"sv, 400},
    {"Connection: Expect"sv, 400},
    {"Connection: a b"sv, 400},
    {"Connection: \"close\""sv, 400},
    {"Connection: close;x"sv, 400},
    // Spellings that a server behind us may merge with the real one.
    {"X_Forwarded_For: 127.0.0.1"sv, 400},
    {"x-forwarded_for: 127.0.0.1"sv, 400},
    {"X_Real_IP: 127.0.0.1"sv, 400},
    {"x_evener_tenant: root"sv, 400},
    {"x-evener_tenant: root"sv, 400},
    {"x-evener-some_thing: 1"sv, 400},
    // Fields of which there may be one.
    {"Authorization: a\r\nAuthorization: b"sv, 400},
    {"Content-Type: application/json\r\nContent-Type: multipart/form-data"sv, 400},
    // Expect.
    {"Expect: 100-continue"sv, Accepted},
    {"Expect: 100-Continue\r\nContent-Length: 4"sv, Accepted},
    {"Expect: 100-continue\r\nExpect: 100-continue"sv, 400},
    {"Expect: 200-ok"sv, 417},
    {"Expect: y 100-continue"sv, 417},
    {"Expect: 100-continue, x"sv, 417},
    {"Expect:"sv, 417},
};

TEST_CASE("each header line of the corpus gets its one answer") {
  for (const Row& row : Fields) check("POST / HTTP/1.1\r\nHost: a\r\n" + std::string(row.text) + "\r\n\r\n", row.answer);
}

TEST_CASE("what is refused in the middle of a head is refused at its end too, and behind a long header") {
  const std::string long_header = "X-Long: " + std::string(300, 'x') + "\r\n";
  for (const Row& row : Fields) {
    check("POST / HTTP/1.1\r\nHost: a\r\n" + std::string(row.text) + "\r\nZ: 1\r\n\r\n", row.answer);
    check("POST / HTTP/1.1\r\n" + long_header + "Host: a\r\n" + std::string(row.text) + "\r\n\r\n", row.answer);
  }
}

constexpr Row Hosts[] = {
    {"a"sv, Accepted},
    {"A.example"sv, Accepted},
    {"a.example:8080"sv, Accepted},
    {"127.0.0.1"sv, Accepted},
    {"127.0.0.1:1"sv, Accepted},
    {"[::1]"sv, Accepted},
    {"[fe80::1]:443"sv, Accepted},
    {"[::ffff:1.2.3.4]"sv, Accepted},
    {"my_service:80"sv, Accepted},
    {"a:65535"sv, Accepted},
    {""sv, 400},
    {" "sv, 400},
    {"a b"sv, 400},
    {"a,b"sv, 400},
    {"a, a"sv, 400},
    {"a/b"sv, 400},
    {"a?b"sv, 400},
    {"a#b"sv, 400},
    {"a@b"sv, 400},
    {"u:p@b"sv, 400},
    {"http://a"sv, 400},
    {"a:"sv, 400},
    {"a:x"sv, 400},
    {"a:65536"sv, 400},
    {"a:000080"sv, 400},
    {"a:-1"sv, 400},
    {"a:80:80"sv, 400},
    {":80"sv, 400},
    {"[::1"sv, 400},
    {"::1"sv, 400},
    {"[]"sv, 400},
    {"[::1]x"sv, 400},
    {"[::1]:"sv, 400},
    {"[g::1]"sv, 400},
    {"[abc]"sv, 400},
    {"a%2eb"sv, 400},
    {"\"a\""sv, 400},
    {"a\\b"sv, 400},
    {"a\0b"sv, 400},
    {"\xc3\xa4.example"sv, 400},
};

TEST_CASE("each Host of the corpus gets its one answer") {
  for (const Row& row : Hosts) check("GET / HTTP/1.1\r\nHost: " + std::string(row.text) + "\r\n\r\n", row.answer);
}

constexpr Row Wholes[] = {
    {"GET / HTTP/1.1\r\nHost: a\r\n\r\n"sv, Accepted},
    {"GET / HTTP/1.0\r\n\r\n"sv, Accepted},
    {"GET / HTTP/1.0\r\nHost: a\r\n\r\n"sv, Accepted},
    {"GET http://a/ HTTP/1.0\r\n\r\n"sv, Accepted},
    {"GET http://[::1]:80/ HTTP/1.1\r\nHost: [::1]:80\r\n\r\n"sv, Accepted},
    {"GET / HTTP/1.1\r\n\r\n"sv, 400},  // no Host
    {"GET / HTTP/1.1\r\nhost_: a\r\n\r\n"sv, 400},
    {"GET http://a/ HTTP/1.1\r\n\r\n"sv, 400},  // nor does the target stand in for it
    {"GET / HTTP/1.0\r\nHost: a\r\nHost: b\r\n\r\n"sv, 400},
    {"POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"sv, 400},
    {"POST / HTTP/1.0\r\nTransfer-Encoding: identity\r\n\r\n"sv, 400},
    {"\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n"sv, 400},  // a left-over CRLF is not skipped
    {"\nGET / HTTP/1.1\r\nHost: a\r\n\r\n"sv, 400},
    {"\r\n\r\n"sv, 400},
    {"GET / HTTP/1.1\nHost: a\n\n"sv, 400},
    {"GET / HTTP/1.1\r\nHost: a\n\r\n"sv, 400},
    {"GET / HTTP/1.1\r\nHost: a\r\n\n"sv, 400},
    {"GET / HTTP/1.1\rHost: a\r\r"sv, 400},
    {"GET / HTTP/1.1\r\n\rHost: a\r\n\r\n"sv, 400},
    {"GET / HTTP/1.1\r\n\nHost: a\r\n\r\n"sv, 400},
    {"GET / HTTP/1.1\r\n Host: a\r\n\r\n"sv, 400},
    {"GET /\r\n\r\n"sv, 400},             // HTTP/0.9
    {"\x16\x03\x01\x02\r\n\r\n"sv, 400},  // TLS to a plain port
    {"GET / HTTP/1.1\r\nHost: a\r\n"sv, Waiting},
    {"GET / HTTP/1.1\r\nHost: a\r\n\r"sv, Waiting},
    {"GET / HTTP/1.1\r"sv, Waiting},
    {"G"sv, Waiting},
    {""sv, Waiting},
};

TEST_CASE("each whole head of the corpus gets its one answer") {
  for (const Row& row : Wholes) check(row.text, row.answer);
}

static_assert(std::size(RequestLines) + std::size(Fields) + std::size(Hosts) + std::size(Wholes) >= 300);

}  // namespace
