#include "evener/net/http1/head_text.h"

#include <doctest/doctest.h>

#include <string>

namespace evener::net::http1 {
namespace {

HeadText answer_with(std::string_view value) {
  HeadText head;
  head.write([value](HeadWriter& writer) {
    writer.status_line(200);
    writer.header("X-Long", value);
    writer.end();
  });
  return head;
}

TEST_CASE("a head and a small body behind it lie in one piece") {
  HeadText head = answer_with("a");
  REQUIRE(head.append("body"));
  CHECK(head.view() == "HTTP/1.1 200 OK\r\nX-Long: a\r\n\r\nbody");
}

TEST_CASE("a head that outgrows its block is written again, whole, into a larger one") {
  const std::string value(100'000, 'v');
  CHECK(answer_with(value).view() == "HTTP/1.1 200 OK\r\nX-Long: " + value + "\r\n\r\n");
}

TEST_CASE("what does not fit behind a head is refused and changes nothing") {
  HeadText head = answer_with("a");
  const std::string before(head.view());
  CHECK_FALSE(head.append(std::string(SmallBlockBytes, 'b')));
  CHECK(head.view() == before);
}

TEST_CASE("a head that was cleared or moved from is empty and holds no block") {
  HeadText head = answer_with("a");
  HeadText other = std::move(head);
  CHECK(head.empty());
  CHECK_FALSE(other.empty());
  other.clear();
  CHECK(other.empty());
}

}  // namespace
}  // namespace evener::net::http1
