#include "evener/net/http1/chunked.h"

#include <doctest/doctest.h>

#include <string>
#include <string_view>

#include "tests/for_each_seed.h"

namespace {

using namespace evener::net::http1;
using namespace std::string_view_literals;
using evener::for_each_seed;
using evener::Rng;
using Kind = ChunkedDecoder::Kind;

/// What a body turns out to be, however it was cut.
struct Outcome {
  std::string data, framing, dropped, trailers;
  Kind last = Kind::NeedMore;
  std::size_t consumed = 0;

  bool operator==(const Outcome&) const = default;
};

void feed(ChunkedDecoder& decoder, std::string_view piece, Outcome& out) {
  while (out.last != Kind::End && out.last != Kind::Bad) {
    const ChunkedDecoder::Step step = decoder.next(piece);
    switch (step.kind) {
      case Kind::NeedMore: return;
      case Kind::Framing: out.framing += step.bytes; break;
      case Kind::Dropped: out.dropped += step.bytes; break;
      case Kind::Data: out.data += step.bytes; break;
      case Kind::End: out.dropped += step.bytes; [[fallthrough]];  // the final CRLF is written anew, like the trailers
      case Kind::Bad: out.last = step.kind; break;
    }
    if (step.bytes.empty() && out.last == Kind::NeedMore) FAIL("a step without bytes");
    if (!step.bytes.empty() && step.bytes.data() != piece.data()) FAIL("a step that is not the front of the input");
    out.consumed += step.bytes.size();
    piece.remove_prefix(step.bytes.size());
  }
}

Outcome decode(std::string_view body) {
  ChunkedDecoder decoder;
  Outcome out;
  feed(decoder, body, out);
  out.trailers = decoder.trailers();
  return out;
}

TEST_CASE("chunks are found, and what follows the end is left alone") {
  const Outcome out = decode("5\r\nhello\r\n1\r\n \r\n5\r\nworld\r\n0\r\n\r\nGET / HTTP/1.1\r\n");
  CHECK(out.last == Kind::End);
  CHECK(out.data == "hello world");
  CHECK(out.framing == "5\r\n\r\n1\r\n\r\n5\r\n\r\n0\r\n");
  CHECK(out.dropped == "\r\n");
  CHECK(out.trailers.empty());
  CHECK(out.consumed == "5\r\nhello\r\n1\r\n \r\n5\r\nworld\r\n0\r\n\r\n"sv.size());
}

TEST_CASE("a large chunk comes as one step per piece of input, not per byte") {
  const std::string data(100000, 'x');
  const std::string body = "186a0\r\n" + data + "\r\n0\r\n\r\n";
  ChunkedDecoder decoder;
  CHECK(decoder.next(body).bytes == "186a0\r\n");
  const auto step = decoder.next(std::string_view(body).substr(7));
  CHECK(step.kind == Kind::Data);
  CHECK(step.bytes.size() == data.size());
  const auto rest = decoder.next(std::string_view(body).substr(7 + data.size()));
  CHECK(rest.kind == Kind::Framing);
  CHECK(rest.bytes == "\r\n0\r\n");
}

TEST_CASE("after the end or an error the decoder keeps saying so") {
  ChunkedDecoder ended;
  CHECK(ended.next("0\r\n").kind == Kind::Framing);
  CHECK(ended.next("\r\n").kind == Kind::End);
  CHECK(ended.next("5\r\n").kind == Kind::End);
  CHECK(ended.next("5\r\n").bytes.empty());
  ChunkedDecoder failed;
  CHECK(failed.next("x").kind == Kind::Bad);
  CHECK(failed.next("5\r\n").kind == Kind::Bad);
  CHECK(failed.next("").kind == Kind::Bad);
}

TEST_CASE("extensions are left out of what is forwarded") {
  const Outcome out = decode("5;a=b;c=\"d e\" ; f\r\nhello\r\n0;last\r\n\r\n");
  CHECK(out.last == Kind::End);
  CHECK(out.data == "hello");
  CHECK(out.framing == "5\r\n\r\n0\r\n");
  CHECK(out.dropped == ";a=b;c=\"d e\" ; f;last\r\n");
}

struct Row {
  std::string_view body;
  Kind last;
};
constexpr Row Bodies[] = {
    {"0\r\n\r\n"sv, Kind::End},
    {"00000\r\n\r\n"sv, Kind::End},
    {"1\r\na\r\n0\r\n\r\n"sv, Kind::End},
    {"0000000000000001\r\na\r\n0\r\n\r\n"sv, Kind::End},
    {"A\r\n0123456789\r\n0\r\n\r\n"sv, Kind::End},
    {"a\r\n0123456789\r\n0\r\n\r\n"sv, Kind::End},
    {"1;x\r\na\r\n0\r\n\r\n"sv, Kind::End},
    {"0\r\nA: b\r\n\r\n"sv, Kind::End},
    {""sv, Kind::NeedMore},
    {"5"sv, Kind::NeedMore},
    {"5\r\nhel"sv, Kind::NeedMore},
    {"0\r\n"sv, Kind::NeedMore},
    {"0\r\n\r"sv, Kind::NeedMore},
    {"7fffffffffffffff\r\n"sv, Kind::NeedMore},
    // Sizes.
    {"\r\n"sv, Kind::Bad},
    {" 1\r\na\r\n"sv, Kind::Bad},
    {"1 \r\na\r\n"sv, Kind::Bad},
    {"1\t\r\na\r\n"sv, Kind::Bad},
    {"1 ;x\r\na\r\n"sv, Kind::Bad},
    {"+1\r\na\r\n"sv, Kind::Bad},
    {"-1\r\na\r\n"sv, Kind::Bad},
    {"0x1\r\na\r\n"sv, Kind::Bad},
    {"1h\r\na\r\n"sv, Kind::Bad},
    {"g\r\n"sv, Kind::Bad},
    {"1_0\r\n"sv, Kind::Bad},
    {"1.0\r\n"sv, Kind::Bad},
    {"1,1\r\n"sv, Kind::Bad},
    {"\"1\"\r\n"sv, Kind::Bad},
    {"\0"
     "1\r\na\r\n"sv,
     Kind::Bad},
    {"1\0\r\na\r\n"sv, Kind::Bad},
    {"\xef\xbc\x91\r\n"sv, Kind::Bad},
    {"00000000000000001\r\na\r\n"sv, Kind::Bad},  // 17 digits
    {"10000000000000000\r\n"sv, Kind::Bad},       // 2^64
    {"10000000000000001\r\na\r\n"sv, Kind::Bad},
    {"8000000000000000\r\n"sv, Kind::Bad},  // 2^63: negative where sizes are signed
    {"ffffffffffffffff\r\n"sv, Kind::Bad},
    // Line ends.
    {"1\na\r\n0\r\n\r\n"sv, Kind::Bad},
    {"1\ra\r\n"sv, Kind::Bad},
    {"1\r\r\na\r\n"sv, Kind::Bad},
    {"1\n\ra\r\n"sv, Kind::Bad},
    {"1\r\na\n0\r\n\r\n"sv, Kind::Bad},
    {"1\r\na\r0\r\n\r\n"sv, Kind::Bad},
    {"1\r\na0\r\n\r\n"sv, Kind::Bad},
    {"1\r\naa\r\n"sv, Kind::Bad},
    {"1\r\naXX0\r\n\r\n"sv, Kind::Bad},  // two bytes that are no CRLF
    {"2\r\na\r\n0\r\n\r\n"sv, Kind::Bad},
    {"0\n\n"sv, Kind::Bad},
    {"0\r\n\n"sv, Kind::Bad},
    {"0\r\n\rX"sv, Kind::NeedMore},  // told when the line ends
    {"0\r\n\rX\n"sv, Kind::Bad},
    // Extensions.
    {"1;\r\na\r\n"sv, Kind::Bad},
    {"1;;x\r\na\r\n"sv, Kind::Bad},
    {"1; x\r\na\r\n"sv, Kind::Bad},
    {"1;=x\r\na\r\n"sv, Kind::Bad},
    {"1;x\na\r\n"sv, Kind::Bad},
    {"1;x\ra\r\n"sv, Kind::Bad},
    {"1;x=\"\n\"\r\na\r\n"sv, Kind::Bad},
    {"1;x=\"\r\n\"\r\na\r\n"sv, Kind::NeedMore},  // the quote hides no line end: '"' is the data, "a" the next size
    {"1;x=\"\r\na\"\r\n"sv, Kind::Bad},
    {"1;x\0\r\na\r\n"sv, Kind::Bad},
    {"1;x\x7f\r\na\r\n"sv, Kind::Bad},
    {"1;x=\xc3\xbc\r\na\r\n"sv, Kind::Bad},
    // Trailers.
    {"0\r\nA: b\n\r\n"sv, Kind::Bad},
    {"0\r\n A: b\r\n\r\n"sv, Kind::Bad},
    {"0\r\nA : b\r\n\r\n"sv, Kind::Bad},
    {"0\r\nA\r\n\r\n"sv, Kind::Bad},
    {"0\r\n: b\r\n\r\n"sv, Kind::Bad},
    {"0\r\nA: b\r\n c\r\n\r\n"sv, Kind::Bad},
    {"0\r\nA: \0\r\n\r\n"sv, Kind::Bad},
    {"0\r\nA: b\rC: d\r\n\r\n"sv, Kind::Bad},
    {"0\r\ncontent_length: 5\r\n\r\n"sv, Kind::Bad},
    {"0\r\nGET / HTTP/1.1\r\n\r\n"sv, Kind::Bad},  // a request where the end should be
};

TEST_CASE("each chunked body of the corpus gets its one answer, at once and byte by byte") {
  for (const Row& row : Bodies) {
    CAPTURE(row.body);
    CHECK(decode(row.body).last == row.last);
    ChunkedDecoder decoder;
    Outcome stepwise;
    for (std::size_t i = 0; i < row.body.size(); ++i) feed(decoder, row.body.substr(i, 1), stepwise);
    CHECK(stepwise.last == row.last);
  }
}

TEST_CASE("trailers that could change the message's framing, route or rights are left out") {
  const Outcome out = decode(
      "0\r\nX-Checksum:  abc \r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\nHost: b\r\nAuthorization: x\r\nTrailer: y\r\n"
      "Connection: close\r\nSet-Cookie: a=b\r\nContent-Encoding: gzip\r\nX-Forwarded-For: 1\r\nx-evener-tenant: z\r\nGrpc-Status: "
      "0\r\n\r\n");
  CHECK(out.last == Kind::End);
  CHECK(out.trailers == "X-Checksum: abc\r\nGrpc-Status: 0\r\n");
}

TEST_CASE("the trailer section may have 8192 bytes and 100 fields, left-out ones included") {
  const std::string line = "Host: " + std::string(120 - 8, 'a') + "\r\n";  // 120 bytes
  std::string body = "0\r\n";
  for (int i = 0; i < 68; ++i) body += line;
  body += "a: " + std::string(8192 - 68 * 120 - 5 - 2, 'b') + "\r\n";
  CHECK(decode(body + "\r\n").last == Kind::End);
  body.insert(body.size() - 2, "b");
  CHECK(decode(body + "\r\n").last == Kind::Bad);

  std::string many = "0\r\n";
  for (std::uint32_t i = 0; i < TrailersMax; ++i) many += "a: b\r\n";
  CHECK(decode(many + "\r\n").last == Kind::End);
  CHECK(decode(many + "a: b\r\n\r\n").last == Kind::Bad);

  CHECK(decode("0\r\na: " + std::string(10000, 'b')).last == Kind::Bad);  // at once, not when the line ends
}

TEST_CASE("the extensions of one body may have 8192 bytes together") {
  const std::string chunk = "1;" + std::string(127, 'x') + "\r\na\r\n";  // 128 bytes of extension
  std::string body;
  for (int i = 0; i < 64; ++i) body += chunk;
  CHECK(decode(body + "0\r\n\r\n").last == Kind::End);
  CHECK(decode(body + "0;x\r\n\r\n").last == Kind::Bad);
}

TEST_CASE("two cuts anywhere change nothing") {
  constexpr std::string_view Body = "5;ext=1\r\nhello\r\n1\r\n!\r\n0\r\nA: b\r\nHost: c\r\nD: e\r\n\r\nnext";
  const Outcome expected = decode(Body);
  REQUIRE(expected.last == Kind::End);
  for (std::size_t i = 0; i <= Body.size(); ++i) {
    for (std::size_t j = i; j <= Body.size(); ++j) {
      ChunkedDecoder decoder;
      Outcome out;
      feed(decoder, Body.substr(0, i), out);
      feed(decoder, Body.substr(i, j - i), out);
      feed(decoder, Body.substr(j), out);
      out.trailers = decoder.trailers();
      CAPTURE(i);
      CAPTURE(j);
      REQUIRE(out == expected);
    }
  }
}

TEST_CASE("what is forwarded of a good body is a good body with the same data") {
  for_each_seed(1000, [](Rng& rng) {
    std::string body, data;
    for (std::uint64_t n = rng.below(6); n > 0; --n) {
      const std::string chunk(1 + rng.below(40), static_cast<char>('a' + rng.below(26)));
      static constexpr char Hex[] = "0123456789abcdefABCDEF";
      if (rng.below(3) == 0) body += "00";
      if (chunk.size() >= 16) body += Hex[chunk.size() / 16];
      body += Hex[chunk.size() % 16];
      if (rng.below(3) == 0) body += ";ext=\"v\"";
      body += "\r\n" + chunk + "\r\n";
      data += chunk;
    }
    body += "0\r\n";
    if (rng.below(2) == 0) body += "X-T: 1\r\nHost: x\r\n";
    body += "\r\n";

    ChunkedDecoder decoder;
    std::string forwarded, seen;
    Kind last = Kind::NeedMore;
    for (std::string_view rest = body; last != Kind::End && last != Kind::Bad;) {
      const auto step = decoder.next(rest.substr(0, 1 + rng.below(12)));
      last = step.kind;
      if (step.kind == Kind::Framing || step.kind == Kind::Data) forwarded += step.bytes;
      if (step.kind == Kind::Data) seen += step.bytes;
      rest.remove_prefix(step.bytes.size());
    }
    REQUIRE(last == Kind::End);
    CHECK(seen == data);
    const Outcome again = decode(forwarded.append(decoder.trailers()) + "\r\n");
    CHECK(again.last == Kind::End);
    CHECK(again.data == data);
    CHECK(again.dropped == std::string(decoder.trailers()) + "\r\n");
    CHECK(again.trailers == decoder.trailers());
  });
}

}  // namespace
