// Answers of endpoints, good, borderline and hostile, with what is made of each. Whoever poisons an answer poisons the next client's, so the
// reader is as strict as for requests.

#include <doctest/doctest.h>

#include <string>
#include <string_view>

#include "evener/net/http1/testing.h"

namespace {

using namespace std::string_view_literals;
using namespace evener::net::http1;
using testing::Accepted;
using testing::answer_to_response;
using testing::Waiting;

struct Row {
  std::string_view text;
  int answer;
};

constexpr Row StatusLines[] = {
    {"HTTP/1.1 200 OK"sv, Accepted},
    {"HTTP/1.1 200 "sv, Accepted},
    {"HTTP/1.1 200"sv, Accepted},
    {"HTTP/1.0 200 OK"sv, Accepted},
    {"HTTP/1.1 404 Not Found"sv, Accepted},
    {"HTTP/1.1 500 a\tb \xc3\xbc"sv, Accepted},
    {"HTTP/1.1 599 x"sv, Accepted},
    {"HTTP/1.1 100 Continue"sv, Accepted},
    {"HTTP/1.1 103 Early Hints"sv, Accepted},
    {"HTTP/1.1 101 Switching Protocols"sv, 502},
    {"HTTP/1.1 099 x"sv, 502},
    {"HTTP/1.1 000 x"sv, 502},
    {"HTTP/1.1 600 x"sv, 502},
    {"HTTP/1.1 999 x"sv, 502},
    {"HTTP/1.1 20 x"sv, 502},
    {"HTTP/1.1 2000 x"sv, 502},
    {"HTTP/1.1 2x0 x"sv, 502},
    {"HTTP/1.1 -20 x"sv, 502},
    {"HTTP/1.1 +20 x"sv, 502},
    {"HTTP/1.1 200OK"sv, 502},
    {"HTTP/1.1 200\tOK"sv, 502},
    {"HTTP/1.1  200 OK"sv, 502},
    {"HTTP/1.1\t200 OK"sv, 502},
    {" HTTP/1.1 200 OK"sv, 502},
    {"HTTP/1.1 OK"sv, 502},
    {"HTTP/1.1"sv, 502},
    {"HTTP/2.0 200 OK"sv, 502},
    {"HTTP/1.2 200 OK"sv, 502},
    {"HTTP/0.9 200 OK"sv, 502},
    {"http/1.1 200 OK"sv, 502},
    {"ICY 200 OK"sv, 502},
    {"200 OK"sv, 502},
    {"HTTP/1.1 200 O\0K"sv, 502},
    {"HTTP/1.1 200 O\x1bK"sv, 502},
    {"HTTP/1.1 200 OK\x7f"sv, 502},
    {"<html>"sv, 502},
};

TEST_CASE("each status line of the corpus gets its one answer") {
  for (const Row& row : StatusLines) {
    CAPTURE(row.text);
    CHECK(answer_to_response(std::string(row.text) + "\r\nContent-Length: 0\r\n\r\n") == row.answer);
  }
}

constexpr Row Fields[] = {
    {"Content-Type: text/event-stream"sv, Accepted},
    {"Set-Cookie: a=b\r\nSet-Cookie: c=d"sv, Accepted},
    {"Server: \xe2\x98\x83"sv, Accepted},
    {"X_Custom: 1"sv, Accepted},
    {"Connection: close"sv, Accepted},
    {"Connection: keep-alive\r\nKeep-Alive: timeout=5"sv, Accepted},
    {"Trailer: x-checksum"sv, Accepted},
    {": x"sv, 502},
    {"X : y"sv, 502},
    {"X"sv, 502},
    {"X: a\r\n b"sv, 502},
    {" X: a"sv, 502},
    {"X: a\nb"sv, 502},
    {"X: a\rb"sv, 502},
    {"X: \0"sv, 502},
    {"X: \x08"sv, 502},
    {"X\0: y"sv, 502},
    {"(X): y"sv, 502},
    {"Connection: content-length"sv, 502},
    {"Connection: transfer-encoding\r\nTransfer-Encoding: chunked"sv, 502},
    {"Connection: a b"sv, 502},
    {"Content-Length: 0"sv, Accepted},
    {"Content-Length: 12"sv, Accepted},
    {"Content-Length: 12\r\nContent-Length: 12"sv, 502},
    {"Content-Length: 12, 12"sv, 502},
    {"Content-Length: 12\r\nContent-Length: 13"sv, 502},
    {"Content-Length: -1"sv, 502},
    {"Content-Length: +1"sv, 502},
    {"Content-Length: 012"sv, 502},
    {"Content-Length: 0x12"sv, 502},
    {"Content-Length: 9223372036854775808"sv, 502},
    {"Content-Length:"sv, 502},
    {"Content-Length: a"sv, 502},
    {"Content-Length : 1"sv, 502},
    {"Content_Length: 1"sv, 502},
    {"Transfer-Encoding: chunked"sv, Accepted},
    {"Transfer-Encoding: Chunked"sv, Accepted},
    {"Transfer-Encoding: gzip, chunked"sv, 502},
    {"Transfer-Encoding: chunked, gzip"sv, 502},
    {"Transfer-Encoding: gzip"sv, 502},
    {"Transfer-Encoding: identity"sv, 502},
    {"Transfer-Encoding: chunked, chunked"sv, 502},
    {"Transfer-Encoding: xchunked"sv, 502},
    {"Transfer-Encoding:"sv, 502},
    {"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked"sv, 502},
    {"Transfer-Encoding: chunked\r\nContent-Length: 12"sv, 502},
    {"Content-Length: 12\r\nTransfer-Encoding: chunked"sv, 502},
    {"Content-Length: 12\r\nTransfer-Encoding: identity"sv, 502},
    {"Transfer_Encoding: chunked"sv, 502},
};

TEST_CASE("each header line of an answer gets its one answer, also when the request was HEAD") {
  for (const Row& row : Fields) {
    CAPTURE(row.text);
    const std::string answer = "HTTP/1.1 200 OK\r\n" + std::string(row.text) + "\r\n\r\n";
    CHECK(answer_to_response(answer, Method::Post) == row.answer);
    CHECK(answer_to_response(answer, Method::Head) == row.answer);
  }
}

TEST_CASE("an answer in HTTP/1.0 cannot be chunked") {
  CHECK(answer_to_response("HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n") == 502);
}

TEST_CASE("an interim answer that announces a body is refused: its bytes would pass for the final answer") {
  CHECK(answer_to_response("HTTP/1.1 100 Continue\r\nContent-Length: 5\r\n\r\n") == 502);
  CHECK(answer_to_response("HTTP/1.1 103 Early Hints\r\nTransfer-Encoding: chunked\r\n\r\n") == 502);
  CHECK(answer_to_response("HTTP/1.1 100 Continue\r\nContent-Length: 0\r\n\r\n") == Accepted);
}

struct FramingRow {
  std::string_view head;
  Method to;
  Framing framing;
  std::uint64_t length;
  bool keep_alive;
};
constexpr FramingRow Framings[] = {
    {"HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\n"sv, Method::Post, Framing::Length, 7, true},
    {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"sv, Method::Post, Framing::Chunked, 0, true},
    {"HTTP/1.1 200 OK\r\n\r\n"sv, Method::Post, Framing::UntilClose, 0, false},
    {"HTTP/1.1 200 OK\r\nConnection: keep-alive\r\n\r\n"sv, Method::Post, Framing::UntilClose, 0, false},
    {"HTTP/1.1 200 OK\r\nContent-Length: 7\r\nConnection: close\r\n\r\n"sv, Method::Post, Framing::Length, 7, false},
    {"HTTP/1.0 200 OK\r\nContent-Length: 7\r\n\r\n"sv, Method::Post, Framing::Length, 7, false},
    {"HTTP/1.0 200 OK\r\nContent-Length: 7\r\nConnection: keep-alive\r\n\r\n"sv, Method::Post, Framing::Length, 7, true},
    {"HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\n"sv, Method::Head, Framing::None, 7, true},
    {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"sv, Method::Head, Framing::None, 0, true},
    {"HTTP/1.1 200 OK\r\n\r\n"sv, Method::Head, Framing::None, 0, true},
    {"HTTP/1.1 304 Not Modified\r\nContent-Length: 7\r\n\r\n"sv, Method::Get, Framing::None, 7, true},
    {"HTTP/1.1 204 No Content\r\n\r\n"sv, Method::Post, Framing::None, 0, true},
    {"HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n"sv, Method::Post, Framing::None, 0, true},
    {"HTTP/1.1 204 No Content\r\nContent-Length: 7\r\n\r\n"sv, Method::Post, Framing::None, 7, false},
    {"HTTP/1.1 204 No Content\r\nTransfer-Encoding: chunked\r\n\r\n"sv, Method::Post, Framing::None, 0, false},
    {"HTTP/1.1 100 Continue\r\n\r\n"sv, Method::Post, Framing::None, 0, true},
};

TEST_CASE("status, method and headers decide how the body of an answer ends and whether the connection can be used again") {
  for (const FramingRow& row : Framings) {
    CAPTURE(row.head);
    ResponseHead head;
    REQUIRE(answer_to_response(row.head, head, row.to) == Accepted);
    CHECK(head.framing == row.framing);
    CHECK(head.content_length == row.length);
    CHECK(head.keep_alive == row.keep_alive);
  }
}

TEST_CASE("an answer with more than 100 headers is refused, one with 100 is read") {
  std::string head = "HTTP/1.1 200 OK\r\n";
  for (std::size_t i = 0; i < HeadersMax; ++i) head += "a: b\r\n";
  CHECK(answer_to_response(head + "\r\n") == Accepted);
  CHECK(answer_to_response(head + "a: b\r\n\r\n") == 502);
}

TEST_CASE("status, reason and headers of an answer are handed out as they came") {
  ResponseHead head;
  REQUIRE(answer_to_response("HTTP/1.1 503 Loading  model\r\nRetry-After: 2\r\nconnection: x-a\r\nX-A: 1\r\n\r\n", head) == Accepted);
  CHECK(head.status == 503);
  CHECK(head.reason == "Loading  model");
  CHECK(head.minor_version == 1);
  REQUIRE(head.headers.count == 3);
  CHECK(head.headers.find(HeaderId::RetryAfter)->value == "2");
  CHECK(head.headers.find("x-a")->hop_by_hop);
}

}  // namespace
