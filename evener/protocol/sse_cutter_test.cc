#include "evener/protocol/sse_cutter.h"

#include <doctest/doctest.h>

#include <string>
#include <string_view>
#include <vector>

#include "tests/for_each_seed.h"

namespace evener::protocol {
namespace {

std::vector<std::string> events_of(SseCutter& cutter, std::string_view piece) {
  std::vector<std::string> events;
  cutter.feed(piece);
  while (const auto event = cutter.next()) events.emplace_back(event->bytes);
  return events;
}

TEST_CASE("an event is taken out when its blank line has come, and not before") {
  SseCutter cutter;
  CHECK(events_of(cutter, "data: a\n") == std::vector<std::string>{});
  CHECK(cutter.unfinished() == "data: a\n");
  CHECK(events_of(cutter, "\ndata: b\n\n: ping\n\nda") == std::vector<std::string>{"data: a\n\n", "data: b\n\n", ": ping\n\n"});
  CHECK(cutter.unfinished() == "da");
}

TEST_CASE("each form of a line end ends events, and an LF that comes late stays with its CR") {
  SseCutter cutter;
  CHECK(events_of(cutter, "data: a\r\n\r\ndata: b\r\rdata: c\n\r") ==
        std::vector<std::string>{"data: a\r\n\r\n", "data: b\r\r", "data: c\n\r"});
  CHECK(events_of(cutter, "\ndata: d\n\n") == std::vector<std::string>{"\ndata: d\n\n"});
}

TEST_CASE("data is what stands in the one data line, and of several lines none is given") {
  const auto data_of = [](std::string_view bytes) {
    SseCutter cutter;
    cutter.feed(bytes);
    const auto event = cutter.next();
    REQUIRE(event);
    return event->several ? "several" : std::string(event->data.value_or("none"));
  };
  CHECK(data_of("data: a b\n\n") == "a b");
  CHECK(data_of("data:a\r\n\r\n") == "a");
  CHECK(data_of("event: x\nid: 1\ndata:  a\n\n") == " a");
  CHECK(data_of(": data: a\n\n") == "none");
  CHECK(data_of("database: a\n\n") == "none");
  CHECK(data_of("data\n\n").empty());
  CHECK(data_of("data: a\ndata: b\n\n") == "several");
}

TEST_CASE("an event larger than it may be is not cut, and what came of it is there") {
  SseCutter cutter;
  const std::string half(SseCutter::EventBytesMax / 2 + 1, 'x');
  CHECK(events_of(cutter, half).empty());
  CHECK_FALSE(cutter.overflown());
  CHECK(events_of(cutter, half).empty());
  CHECK(cutter.overflown());
  CHECK(cutter.unfinished() == half + half);
}

TEST_CASE("however a stream is cut into pieces, the same events come out and no byte is lost") {
  for_each_seed(500, [](Rng& rng) {
    std::string stream;
    for (int i = 0; i < 40; ++i) {
      constexpr std::string_view Parts[] = {"data: a", "\n", "\r", "\r\n", "\n\n", ": c", "\r\n\r\n", "x"};
      stream += Parts[rng.below(std::size(Parts))];
    }
    SseCutter cutter;
    std::string joined;
    for (std::size_t at = 0; at < stream.size();) {
      const std::string piece = stream.substr(at, 1 + rng.below(9));
      for (const std::string& event : events_of(cutter, piece)) {
        CHECK((event.ends_with('\n') || event.ends_with('\r')));
        joined += event;
      }
      at += piece.size();
    }
    joined += cutter.unfinished();
    CAPTURE(stream);
    CHECK(joined == stream);
  });
}

}  // namespace
}  // namespace evener::protocol
