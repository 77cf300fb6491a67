#include "evener/net/zmq_socket.h"

#include <doctest/doctest.h>

#include <array>
#include <string>
#include <string_view>
#include <vector>

namespace evener::net {
namespace {

using namespace std::chrono_literals;

/// Two sockets that talk to each other.
struct Pair {
  ZmqContext context;
  ZmqSocket from, to;

  Pair() {
    auto router = ZmqSocket::open(context, ZmqSocket::Kind::Router, 100);
    auto dealer = ZmqSocket::open(context, ZmqSocket::Kind::Dealer, 100);
    REQUIRE(router.has_value());
    REQUIRE(dealer.has_value());
    to = std::move(*router);
    from = std::move(*dealer);
    const auto address = to.bind("tcp://127.0.0.1:0");
    REQUIRE(address.has_value());
    REQUIRE(from.connect(*address).has_value());
  }

  /// The next message, without the sender's name that a router puts before it; empty when none comes.
  std::vector<std::string> receive(Duration most) {
    std::array<ZmqWait, 1> wait = {{{.handle = to.handle()}}};
    zmq_wait(wait, most);
    std::vector<std::string> frames;
    if (!wait[0].ready || !to.receive(frames)) return {};
    frames.erase(frames.begin());
    return frames;
  }
};

}  // namespace

TEST_CASE("of a message with too many frames one more than the limit is kept, so that nobody takes it for a whole one") {
  Pair pair;
  const std::vector<std::string_view> whole(ZmqFramesMax - 1, "frame");  // the sender's name is one, too
  REQUIRE(pair.from.send(whole));
  CHECK(pair.receive(5s).size() == ZmqFramesMax - 1);
  const std::vector<std::string_view> large(1000, "frame");
  REQUIRE(pair.from.send(large));
  CHECK(pair.receive(5s).size() == ZmqFramesMax);
  REQUIRE(pair.from.send(whole));
  CHECK(pair.receive(5s).size() == ZmqFramesMax - 1);  // the rest of the large one is gone
}

TEST_CASE("a frame above the limit is not taken, and the connection is made anew") {
  Pair pair;
  const std::string fits(ZmqFrameBytesMax, 'x'), beyond(ZmqFrameBytesMax + 1, 'x');
  const std::array<std::string_view, 1> one = {fits}, other = {beyond}, small = {"after it"};
  REQUIRE(pair.from.send(one));
  REQUIRE(pair.receive(5s).size() == 1);
  REQUIRE(pair.from.send(other));
  CHECK(pair.receive(200ms).empty());
  // What was on its way when the connection ended is lost with it.
  std::vector<std::string> received;
  for (int i = 0; i < 100 && received.empty(); ++i) {
    (void)pair.from.send(small);
    received = pair.receive(100ms);
  }
  REQUIRE(received.size() == 1);
  CHECK(received[0] == "after it");
}

}  // namespace evener::net
