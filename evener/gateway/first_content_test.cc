#include "evener/gateway/first_content.h"

#include <doctest/doctest.h>

#include <cstdio>
#include <string>
#include <string_view>

namespace evener::gateway {
namespace {

using Seen = FirstContent::Seen;
using net::http1::Framing;

constexpr std::string_view Role = "data: {\"choices\":[{\"delta\":{\"role\":\"assistant\",\"content\":\"\"}}]}\n\n";
constexpr std::string_view Word = "data: {\"choices\":[{\"delta\":{\"content\":\"a\"}}]}\n\n";

std::string chunk(std::string_view data) {
  char size[16];
  std::snprintf(size, sizeof size, "%zx\r\n", data.size());
  return size + std::string(data) + "\r\n";
}

}  // namespace

TEST_CASE("comments and the role are held back, a word is not, however the answer is framed") {
  FirstContent chunked(Framing::Chunked, 0);
  CHECK(chunked.feed(chunk(": ping\n\n") + chunk(Role)) == Seen::Nothing);
  CHECK(chunked.feed(chunk(Word)) == Seen::Content);

  FirstContent until_close(Framing::UntilClose, 0);
  CHECK(until_close.feed(Role) == Seen::Nothing);
  CHECK(until_close.feed(Word.substr(0, 20)) == Seen::Nothing);
  CHECK(until_close.feed(Word.substr(20)) == Seen::Content);

  FirstContent sized(Framing::Length, Role.size() + Word.size());
  CHECK(sized.feed(Role) == Seen::Nothing);
  CHECK(sized.feed(Word) == Seen::Content);
}

TEST_CASE("an answer that ends without content is passed on") {
  FirstContent chunked(Framing::Chunked, 0);
  CHECK(chunked.feed(chunk(Role) + "0\r\n\r\n") == Seen::Content);
  FirstContent sized(Framing::Length, Role.size());
  CHECK(sized.feed(Role) == Seen::Content);
}

TEST_CASE("malformed chunks before the first content are told") {
  FirstContent first(Framing::Chunked, 0);
  CHECK(first.feed(chunk(Role) + "zz\r\n") == Seen::Bad);
}

TEST_CASE("no more than HeldBytesMax is held back") {
  FirstContent first(Framing::UntilClose, 0);
  const std::string comment = ":" + std::string(1022, '.') + "\n";
  for (std::size_t held = comment.size(); held < FirstContent::HeldBytesMax; held += comment.size())
    CHECK(first.feed(comment) == Seen::Nothing);
  CHECK(first.feed(comment) == Seen::Content);
}

}  // namespace evener::gateway
