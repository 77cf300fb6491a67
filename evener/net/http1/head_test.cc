#include "evener/net/http1/head.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <string>
#include <string_view>

#include "evener/net/http1/byte_scan.h"
#include "evener/net/http1/fields.h"
#include "evener/net/http1/target.h"
#include "evener/net/http1/testing.h"
#include "tests/for_each_seed.h"

namespace {

using namespace evener::net::http1;
using evener::for_each_seed;
using evener::Rng;
using testing::Accepted;
using testing::answer_to_request;

constexpr std::string_view Typical =
    "POST /v1/chat/completions?x=1 HTTP/1.1\r\nHost: gateway.example:8080\r\nUser-Agent: python/3\r\nContent-Type: application/json\r\n"
    "Content-Length: 1234\r\nConnection: keep-alive\r\nAuthorization: Bearer abc\r\n\r\n";

RequestHead accepted(std::string_view bytes) {
  RequestHead head;
  CAPTURE(bytes);
  REQUIRE(answer_to_request(bytes, head) == Accepted);
  return head;
}

TEST_CASE("a request is taken apart into views of the caller's bytes") {
  const RequestHead head = accepted(Typical);
  CHECK(head.method == "POST");
  CHECK(head.method_id == Method::Post);
  CHECK(head.target == "/v1/chat/completions?x=1");
  CHECK(head.path == "/v1/chat/completions");
  CHECK(head.query == "x=1");
  CHECK(head.host == "gateway.example:8080");
  CHECK(head.minor_version == 1);
  CHECK(head.framing == Framing::Length);
  CHECK(head.content_length == 1234);
  CHECK(head.keep_alive);
  CHECK_FALSE(head.expect_continue);
  CHECK_FALSE(head.upgrade);
  REQUIRE(head.headers.count == 6);
  CHECK(head.headers.items[1].name == "User-Agent");
  CHECK(head.headers.items[1].value == "python/3");
  CHECK(head.headers.items[1].id == HeaderId::Other);
  CHECK(head.headers.find(HeaderId::Authorization)->value == "Bearer abc");
  CHECK(head.headers.find("CONTENT-type")->value == "application/json");
  CHECK(head.headers.find("cookie") == nullptr);
  CHECK(head.headers.find(HeaderId::Via) == nullptr);
  CHECK(head.method.data() == Typical.data());
}

TEST_CASE("one RequestHead can be used again and keeps nothing of the request before") {
  RequestHead head;
  REQUIRE(answer_to_request("POST /?q HTTP/1.0\r\nExpect: 100-continue\r\nUpgrade: x\r\nContent-Length: 9\r\nHost: b\r\n\r\n", head) ==
          Accepted);
  REQUIRE(answer_to_request("GET / HTTP/1.1\r\nHost: a\r\n\r\n", head) == Accepted);
  CHECK(head.query.empty());
  CHECK(head.headers.count == 1);
  CHECK(head.framing == Framing::None);
  CHECK(head.content_length == 0);
  CHECK(head.minor_version == 1);
  CHECK(head.keep_alive);
  CHECK_FALSE(head.expect_continue);
  CHECK_FALSE(head.upgrade);
  CHECK(head.host == "a");
}

TEST_CASE("every header the proxy knows is recognised in any case, and its neighbours are not") {
  struct Known {
    std::string_view name;
    HeaderId id;
  };
  using enum HeaderId;
  constexpr Known All[] = {{"host", Host},
                           {"content-length", ContentLength},
                           {"transfer-encoding", TransferEncoding},
                           {"connection", Connection},
                           {"keep-alive", KeepAlive},
                           {"proxy-connection", ProxyConnection},
                           {"te", Te},
                           {"trailer", Trailer},
                           {"upgrade", Upgrade},
                           {"expect", Expect},
                           {"content-type", ContentType},
                           {"content-encoding", ContentEncoding},
                           {"authorization", Authorization},
                           {"proxy-authenticate", ProxyAuthenticate},
                           {"proxy-authorization", ProxyAuthorization},
                           {"x-forwarded-for", XForwardedFor},
                           {"x-forwarded-host", XForwardedHost},
                           {"x-forwarded-proto", XForwardedProto},
                           {"x-forwarded-port", XForwardedPort},
                           {"forwarded", Forwarded},
                           {"x-real-ip", XRealIp},
                           {"x-forwarded", ClientClaim},
                           {"x-forwarded-prefix", ClientClaim},
                           {"x-forwarded-server", ClientClaim},
                           {"x-forwarded-scheme", ClientClaim},
                           {"x-forwarded-ssl", ClientClaim},
                           {"x-forwarded-by", ClientClaim},
                           {"forwarded-for", ClientClaim},
                           {"x-client-ip", ClientClaim},
                           {"true-client-ip", ClientClaim},
                           {"cf-connecting-ip", ClientClaim},
                           {"cf-connecting-ipv6", ClientClaim},
                           {"fastly-client-ip", ClientClaim},
                           {"x-cluster-client-ip", ClientClaim},
                           {"x-request-id", XRequestId},
                           {"traceparent", Traceparent},
                           {"tracestate", Tracestate},
                           {"retry-after", RetryAfter},
                           {"via", Via},
                           {"x-evener-a", XEvener},
                           {"x-evener-a-very-long-name-with-more-than-thirty-two-bytes", XEvener},
                           {"date", Date},
                           {"server", Server}};
  for (const Known& known : All) {
    CAPTURE(known.name);
    std::string upper(known.name);
    for (char& c : upper) {
      if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 32);
    }
    for (const std::string& name : {std::string(known.name), upper}) {
      CHECK(identify(name) == known.id);
      for (const char* padding : {"", "Padding: so that the name is not near the end of the head\r\n"}) {
        const std::string line = name + ": x\r\n" + padding + "\r\n";
        const char* p = line.data();
        Header header;
        REQUIRE(parse_field(p, line.data() + line.size(), header) == nullptr);
        CHECK(header.id == known.id);
        CHECK(header.hop_by_hop == is_hop_by_hop(known.id));
      }
    }
    if (known.id != XEvener) {
      CHECK(identify(std::string(known.name) + "x") == Other);
      CHECK(identify(std::string(known.name.substr(1))) == Other);
      std::string other(known.name);
      other.back() = other.back() == 'q' ? 'z' : 'q';
      CHECK(identify(other) == Other);
    }
  }
  CHECK(identify("x-evener-") == Other);
  CHECK(identify("x-evene-ab") == Other);
}

TEST_CASE("a header name of 15 to 33 letters is read whole, wherever it stands") {
  for (std::size_t length = 1; length <= 40; ++length) {
    CAPTURE(length);
    const std::string name(length, 'q');
    const RequestHead head = accepted("GET / HTTP/1.1\r\nHost: a\r\n" + name + ": 1\r\n" + name + ": 2\r\n\r\n");
    CHECK(head.headers.items[1].name.size() == length);
    CHECK(head.headers.items[2].name.size() == length);
  }
}

TEST_CASE("the fixed set of hop-by-hop headers is marked, and whatever Connection names") {
  const RequestHead head = accepted(
      "GET / HTTP/1.1\r\nHost: a\r\nConnection: close, X-One ,x-two\r\nKeep-Alive: 5\r\nProxy-Connection: close\r\nTE: "
      "trailers\r\nTrailer: x\r\n"
      "Upgrade: h2c\r\nProxy-Authorization: x\r\nProxy-Authenticate: y\r\nx-ONE: 1\r\nX-Two: 2\r\nX-Three: 3\r\nX-One: again\r\n\r\n");
  std::string kept;
  for (const Header& header : head.headers) {
    if (!header.hop_by_hop) kept += std::string(header.name) + " ";
  }
  CHECK(kept == "Host X-Three ");
}

TEST_CASE("a Connection header with more than 32 options is refused") {
  std::string options = "x";
  for (std::uint32_t i = 1; i < ConnectionOptionsMax; ++i) options += ",x";
  CHECK(answer_to_request("GET / HTTP/1.1\r\nHost: a\r\nConnection: " + options + "\r\n\r\n") == Accepted);
  CHECK(answer_to_request("GET / HTTP/1.1\r\nHost: a\r\nConnection: " + options + ",\r\n\r\n") == Accepted);  // nothing behind the comma
  CHECK(answer_to_request("GET / HTTP/1.1\r\nHost: a\r\nConnection: " + options + ",x\r\n\r\n") == 400);
  CHECK(answer_to_request("GET / HTTP/1.1\r\nHost: a\r\nConnection: " + options + "\r\nConnection: x\r\n\r\n") == 400);
}

TEST_CASE("a client keeps its connection in 1.1 unless it says close, in 1.0 only if it says keep-alive") {
  CHECK(accepted("GET / HTTP/1.1\r\nHost: a\r\n\r\n").keep_alive);
  CHECK_FALSE(accepted("GET / HTTP/1.1\r\nHost: a\r\nConnection: Close\r\n\r\n").keep_alive);
  CHECK_FALSE(accepted("GET / HTTP/1.1\r\nHost: a\r\nConnection: keep-alive\r\nConnection: close\r\n\r\n").keep_alive);
  CHECK_FALSE(accepted("GET / HTTP/1.0\r\n\r\n").keep_alive);
  CHECK(accepted("GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n").keep_alive);
  CHECK_FALSE(accepted("GET / HTTP/1.0\r\nConnection: keep-alive, close\r\n\r\n").keep_alive);
}

TEST_CASE("Expect: 100-continue counts only in 1.1 and only with a body") {
  CHECK(accepted("POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\n").expect_continue);
  CHECK(accepted("POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nTransfer-Encoding: chunked\r\n\r\n").expect_continue);
  CHECK_FALSE(accepted("POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\n\r\n").expect_continue);
  CHECK_FALSE(accepted("POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 0\r\n\r\n").expect_continue);
  CHECK_FALSE(accepted("POST / HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\n").expect_continue);
}

TEST_CASE("an Upgrade request is an ordinary request with its body where the headers say") {
  const RequestHead head =
      accepted("POST / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nContent-Length: 5\r\n\r\nGET / HTTP/1.1\r\n");
  CHECK(head.upgrade);
  CHECK(head.framing == Framing::Length);
  CHECK(head.content_length == 5);
  CHECK(head.headers.find(HeaderId::Upgrade)->hop_by_hop);
  const std::string forwarded = testing::rewrite(head);
  CHECK(forwarded.find("pgrade") == std::string::npos);
  CHECK(accepted(forwarded).content_length == 5);
}

TEST_CASE("bytes behind a head are not part of it: a pipelined request stays where it is") {
  const std::string two = std::string(Typical) + "GET /admin HTTP/1.1\r\nHost: b\r\n\r\n";
  HeadScanner scanner;
  REQUIRE(scanner.scan(two) == HeadScanner::State::Complete);
  CHECK(scanner.length() == Typical.size());
}

TEST_CASE("an absolute target is reduced to its path, and Host has to agree with it") {
  const RequestHead head = accepted("GET HTTP://A.example:80/x/y?z HTTP/1.1\r\nHost: a.EXAMPLE:80\r\n\r\n");
  CHECK(head.target == "/x/y?z");
  CHECK(head.path == "/x/y");
  CHECK(head.query == "z");
  CHECK(head.host == "a.EXAMPLE:80");
  CHECK(accepted("GET http://a HTTP/1.1\r\nHost: a\r\n\r\n").target == "/");
  CHECK(accepted("OPTIONS http://a HTTP/1.1\r\nHost: a\r\n\r\n").target == "*");
  CHECK(accepted("GET http://a/ HTTP/1.0\r\n\r\n").host == "a");
  CHECK(accepted("GET /? HTTP/1.1\r\nHost: a\r\n\r\n").query.empty());
}

TEST_CASE("a target may have 8192 bytes and no more") {
  const std::string rest = " HTTP/1.1\r\nHost: a\r\n\r\n";
  const std::string longest = "/" + std::string(TargetBytesMax - 1, 'a');
  CHECK(answer_to_request("GET " + longest + rest) == Accepted);
  CHECK(answer_to_request("GET " + longest + "a" + rest) == 414);
}

TEST_CASE("a host may have 255 bytes and no more") {
  CHECK(is_valid_host(std::string(HostBytesMax, 'a')));
  CHECK_FALSE(is_valid_host(std::string(HostBytesMax + 1, 'a')));
}

TEST_CASE("a request may have 100 headers and no more") {
  std::string head = "GET / HTTP/1.1\r\nHost: a\r\n";
  for (std::size_t i = 1; i < HeadersMax; ++i) head += "a: b\r\n";
  CHECK(accepted(head + "\r\n").headers.count == HeadersMax);
  CHECK(answer_to_request(head + "a: b\r\n\r\n") == 431);
}

TEST_CASE("an over-long header name is an ordinary header, not one that makes the rest disappear") {
  // Readers that keep a name's length in one byte have taken such names for an empty or a shorter one.
  for (const std::size_t length : {255U, 256U, 257U, 270U, 65536U}) {
    CAPTURE(length);
    const std::string name = "content-length" + std::string(length - 14, 'a');
    const RequestHead head = accepted("POST / HTTP/1.1\r\nHost: a\r\n" + name + ": 1\r\nContent-Length: 7\r\nX: y\r\n\r\n");
    CHECK(head.headers.count == 4);
    CHECK(head.content_length == 7);
    CHECK(head.headers.items[1].name.size() == length);
  }
}

TEST_CASE("a header that is refused is refused whatever stands before it and behind it") {
  // No bad line may hide behind good ones, nor make the ones after it vanish: the whole request goes.
  for (std::size_t before = 0; before < 20; ++before) {
    std::string head = "GET / HTTP/1.1\r\nHost: a\r\n";
    for (std::size_t i = 0; i < before; ++i) head += "X-Filler: y\r\n";
    CHECK(answer_to_request(head + ": empty\r\nContent-Length: 5\r\n\r\n") == 400);
    CHECK(answer_to_request(head + "A\r\nContent-Length: 5\r\n\r\n") == 400);
  }
}

TEST_CASE("a head that does not end as the scanner saw it is refused, not read beyond") {
  RequestHead head;
  for (const std::string_view bytes :
       {"", "G", "GET / HTTP/1.1", "GET / HTTP/1.1\r", "GET / HTTP/1.1\r\n", "GET / HTTP/1.1\r\nHost: a", "GET / HTTP/1.1\r\nHost: a\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\n\r", "GET / HTTP/1.1\r\nHost: a\r\n\r\nx"}) {
    CAPTURE(bytes);
    const std::string exact(bytes);  // on the heap, so that AddressSanitizer sees a read behind it
    CHECK(parse_request_head(exact, head) != nullptr);
  }
  ResponseHead answer;
  for (const std::string_view bytes :
       {"", "HTTP/1.1 200", "HTTP/1.1 200 OK\r\n", "HTTP/1.1 200 OK\r\nA: b\r\n", "HTTP/1.1 200 OK\r\n\r\nx"}) {
    CAPTURE(bytes);
    const std::string exact(bytes);
    CHECK(parse_response_head(exact, Method::Get, answer) != nullptr);
  }
}

TEST_CASE("the scanner finds the same end for every way the bytes can be split in two") {
  const std::string bytes = std::string(Typical) + "the body, which is longer than the scanner's steps, and has lines\r\n\r\n of its own";
  for (std::size_t cut = 0; cut <= bytes.size(); ++cut) {
    CAPTURE(cut);
    HeadScanner scanner;
    const auto first = scanner.scan(std::string(bytes.substr(0, cut)));
    CHECK(first == (cut >= Typical.size() ? HeadScanner::State::Complete : HeadScanner::State::NeedMore));
    if (first == HeadScanner::State::NeedMore) CHECK(scanner.scan(bytes) == HeadScanner::State::Complete);
    CHECK(scanner.length() == Typical.size());
  }
}

TEST_CASE("the scanner says the same byte by byte as at once") {
  for_each_seed(2000, [](Rng& rng) {
    constexpr std::string_view Alphabet = "ab:\r\n\r\n\r\n";
    std::string bytes = "a";
    for (std::uint64_t i = rng.below(24); i > 0; --i) {
      const std::uint64_t at = rng.below(Alphabet.size());
      bytes += Alphabet[at];
      if (Alphabet[at] == '\r' && rng.below(8) != 0) bytes += '\n';
    }
    HeadScanner at_once;
    const auto expected = at_once.scan(bytes);
    HeadScanner stepwise;
    auto state = HeadScanner::State::NeedMore;
    for (std::size_t size = 1; size <= bytes.size() && state == HeadScanner::State::NeedMore; ++size)
      state = stepwise.scan(std::string_view(bytes).substr(0, size));
    CAPTURE(bytes);
    CHECK(state == expected);
    if (expected == HeadScanner::State::Complete) CHECK(stepwise.length() == at_once.length());
  });
}

TEST_CASE("the scanner answers as the plain rule does, wherever lines begin and end and however the bytes arrive") {
  // The rule: every CR is followed by LF and every LF comes behind CR; the first line is not empty; an empty line ends the head.
  const auto by_the_rule = [](std::string_view bytes, std::size_t& length) {
    for (std::size_t i = 0; i < bytes.size(); ++i) {
      if (bytes[i] == '\n') return HeadScanner::State::Bad;
      if (bytes[i] != '\r') continue;
      if (i + 1 == bytes.size()) return HeadScanner::State::NeedMore;
      if (bytes[i + 1] != '\n' || i == 0) return HeadScanner::State::Bad;
      length = ++i + 1;
      if (bytes[i - 2] == '\n') return HeadScanner::State::Complete;
    }
    return HeadScanner::State::NeedMore;
  };
  for_each_seed(5000, [&](Rng& rng) {
    std::string bytes;
    for (std::uint64_t lines = rng.below(6); lines > 0; --lines) {
      bytes.append(rng.below(50), 'a');
      bytes += rng.below(24) == 0 ? "\n" : rng.below(24) == 0 ? "\r" : "\r\n";
    }
    if (rng.below(2) == 0) bytes += "\r\n";
    bytes.append(rng.below(100), 'b');
    std::size_t length = 0;
    const auto expected = by_the_rule(bytes, length);
    HeadScanner scanner;
    auto state = HeadScanner::State::NeedMore;
    for (std::size_t size = 0; state == HeadScanner::State::NeedMore && size < bytes.size();) {
      size = std::min(bytes.size(), size + 1 + rng.below(120));
      state = scanner.scan(std::string_view(bytes).substr(0, size));
    }
    CAPTURE(bytes);
    REQUIRE(state == expected);
    if (expected == HeadScanner::State::Complete) REQUIRE(scanner.length() == length);
  });
}

TEST_CASE("the scanner refuses a bare LF or a stray CR as soon as the next byte shows it, before the head is complete") {
  HeadScanner scanner;
  CHECK(scanner.scan("GET / HTTP/1.1\n") == HeadScanner::State::Bad);
  scanner.reset();
  CHECK(scanner.scan("GET / HTTP/1.1\r") == HeadScanner::State::NeedMore);
  CHECK(scanner.scan("GET / HTTP/1.1\rH") == HeadScanner::State::Bad);
  CHECK(scanner.scan("GET / HTTP/1.1\rHo") == HeadScanner::State::Bad);
}

TEST_CASE("the searches over blocks find what a search byte by byte finds, for every byte at every place") {
  const auto agree = [](const char* (*fast)(const char*, const char*), auto slow) {
    for (int value = 0; value < 256; ++value) {
      for (const std::size_t length : {1U, 15U, 16U, 17U, 31U, 33U, 48U}) {
        for (std::size_t at = 0; at < length; at += 1 + length / 17) {
          std::string text(length, 'a');
          text[at] = static_cast<char>(value);
          const char* const end = text.data() + length;
          const char* expected = text.data();
          while (expected != end && !slow(*expected)) ++expected;
          if (fast(text.data(), end) != expected) FAIL("byte ", value, " at ", at, " of ", length);
        }
      }
    }
  };
  agree(find_control, [](char c) { return is_control(c); });
  agree(find_line_end, [](char c) { return c == '\r' || c == '\n'; });
  agree(find_target_end, [](char c) { return !is_target_char(c); });

  for (int value = 0; value < 256; ++value) {
    std::string text = "aZ0-aZ0-aZ0-aZ0-";
    for (std::size_t at = 0; at < 16; ++at) {
      const char kept = text[at];
      text[at] = static_cast<char>(value);
      const bool plain = is_token_char(text[at]) && std::string_view("!#$%&'*+.^_`|~").find(text[at]) == std::string_view::npos;
      char folded[16];
      if (fold_plain_name(text.data(), folded) != (plain ? 16U : at)) FAIL("byte ", value, " at ", at);
      if (plain && folded[at] != (value >= 'A' && value <= 'Z' ? value + 32 : value)) FAIL("case of byte ", value);
      text[at] = kept;
    }
  }
}

TEST_CASE("a control character is found at every position and before every distance to the end") {
  for (std::size_t length = 1; length < 50; ++length) {
    for (std::size_t at = 0; at < length; ++at) {
      std::string value(length, 'v');
      value[at] = '\x01';
      const std::string head = "GET / HTTP/1.1\r\nHost: a\r\nX: " + value + "\r\n\r\n";
      if (answer_to_request(head) != 400) FAIL("missed at ", at, " of ", length);
    }
  }
}

}  // namespace
