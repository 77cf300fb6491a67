#include "evener/gateway/connection_pool.h"

#include <string>
#include <vector>

#include "evener/net/testing.h"

namespace evener::gateway {
namespace {

using namespace std::chrono_literals;
using net::testing::next_turn;
using net::testing::run_until_ended;
using net::testing::socket_pair;
using net::testing::SocketPair;

constexpr Instant Start(100s);

Endpoint endpoint_at(std::uint32_t id, const char* address) {
  Endpoint endpoint;
  endpoint.id = EndpointId{id};
  endpoint.address = *net::Address::parse(address);
  return endpoint;
}

/// Connections with their other ends, which keep them alive.
struct Connections {
  explicit Connections(net::Reactor& owner) : reactor(owner) {}
  net::Socket make() {
    SocketPair pair = socket_pair(reactor);
    theirs.push_back(std::move(pair.theirs));
    return std::move(pair.ours);
  }
  net::Reactor& reactor;
  std::vector<net::Socket> theirs;
};

TEST_CASE("the connection that was put back last is taken first, each once") {
  net::Reactor reactor;
  Connections connections(reactor);
  ConnectionPool pool;
  const Endpoint endpoint = endpoint_at(1, "127.0.0.1:1");
  std::vector<int> fds;
  for (int i = 0; i < 3; ++i) {
    net::Socket socket = connections.make();
    fds.push_back(socket.fd());
    pool.put(endpoint, std::move(socket), Start + i * 1s);
  }
  CHECK(pool.size() == 3);
  std::vector<net::Socket> taken;
  for (int i = 2; i >= 0; --i) {
    taken.push_back(pool.take(endpoint, Start + 3s, 10s));
    REQUIRE(taken.back());
    CHECK(taken.back().fd() == fds[static_cast<std::size_t>(i)]);
  }
  CHECK(!pool.take(endpoint, Start + 3s, 10s));
  CHECK(pool.size() == 0);
}

TEST_CASE("connections belong to their endpoint") {
  net::Reactor reactor;
  Connections connections(reactor);
  ConnectionPool pool;
  const Endpoint one = endpoint_at(1, "127.0.0.1:1");
  const Endpoint two = endpoint_at(2, "127.0.0.1:1");
  pool.put(one, connections.make(), Start);
  CHECK(!pool.take(two, Start, 10s));
  CHECK(pool.take(one, Start, 10s));
}

TEST_CASE("a connection idle for longer than allowed is closed, and with it those that wait longer still") {
  net::Reactor reactor;
  Connections connections(reactor);
  ConnectionPool pool;
  const Endpoint endpoint = endpoint_at(1, "127.0.0.1:1");
  pool.put(endpoint, connections.make(), Start);
  pool.put(endpoint, connections.make(), Start + 1s);
  pool.put(endpoint, connections.make(), Start + 5s);
  CHECK(pool.take(endpoint, Start + 9s, 4s));  // exactly as old as allowed
  CHECK(!pool.take(endpoint, Start + 9s, 4s));
  CHECK(pool.size() == 0);
}

TEST_CASE("a connection on which anything happened while it was idle is never handed out") {
  net::Reactor reactor;
  const auto body = [&]() -> net::Task<> {
    Connections connections(reactor);
    ConnectionPool pool;
    const Endpoint endpoint = endpoint_at(1, "127.0.0.1:1");
    for (int i = 0; i < 4; ++i) pool.put(endpoint, connections.make(), Start);
    CHECK(pool.size() == 4);
    connections.theirs[3].close();
    connections.theirs[2].shutdown_send();
    co_await net::testing::send_text(connections.theirs[1], "HTTP/1.1 408 Request Timeout\r\n\r\n");
    for (int i = 0; i < 3; ++i) co_await next_turn(reactor);
    const net::Socket only = pool.take(endpoint, Start, 10s);
    CHECK(static_cast<bool>(only));
    CHECK(pool.size() == 0);
  };
  run_until_ended(reactor, body());
}

TEST_CASE("what is broken already is not kept") {
  net::Reactor reactor;
  Connections connections(reactor);
  ConnectionPool pool;
  const Endpoint endpoint = endpoint_at(1, "127.0.0.1:1");
  net::Socket cancelled = connections.make();
  cancelled.cancel();
  pool.put(endpoint, std::move(cancelled), Start);
  CHECK(pool.size() == 0);
}

TEST_CASE("connections to an endpoint's former address are not used for its present one") {
  net::Reactor reactor;
  Connections connections(reactor);
  ConnectionPool pool;
  const Endpoint before = endpoint_at(1, "127.0.0.1:1");
  const Endpoint after = endpoint_at(1, "127.0.0.1:2");
  pool.put(before, connections.make(), Start);
  net::Socket present = connections.make();
  const int fd = present.fd();
  pool.put(after, std::move(present), Start);
  pool.put(before, connections.make(), Start);
  const net::Socket taken = pool.take(after, Start, 10s);
  REQUIRE(taken);
  CHECK(taken.fd() == fd);
  CHECK(!pool.take(after, Start, 10s));
}

TEST_CASE("purging closes what is too old or broken and keeps the rest") {
  net::Reactor reactor;
  const auto body = [&]() -> net::Task<> {
    Connections connections(reactor);
    ConnectionPool pool;
    const Endpoint one = endpoint_at(1, "127.0.0.1:1");
    const Endpoint two = endpoint_at(2, "127.0.0.1:2");
    pool.put(one, connections.make(), Start);
    pool.put(two, connections.make(), Start + 5s);
    pool.put(two, connections.make(), Start + 5s);
    connections.theirs[2].close();
    for (int i = 0; i < 3; ++i) co_await next_turn(reactor);
    pool.purge(Start + 6s, 4s);
    CHECK(pool.size() == 1);
    CHECK(!pool.take(one, Start + 6s, 4s));
    pool.purge(Start + 60s, 4s);
    CHECK(pool.size() == 0);
    // Those that were let go are closed: the other ends notice.
    for (int i = 0; i < 3; ++i) co_await next_turn(reactor);
    CHECK(connections.theirs[0].hung_up());
    CHECK(connections.theirs[1].hung_up());
  };
  run_until_ended(reactor, body());
}

TEST_CASE("no more than the limit is kept per endpoint") {
  net::Reactor reactor;
  ConnectionPool pool;
  const Endpoint endpoint = endpoint_at(1, "127.0.0.1:1");
  // Each end of a pair is a connection of its own here.
  for (std::size_t i = 0; i < ConnectionPool::IdlePerEndpointMax / 2 + 5; ++i) {
    SocketPair pair = socket_pair(reactor);
    pool.put(endpoint, std::move(pair.ours), Start);
    pool.put(endpoint, std::move(pair.theirs), Start);
  }
  CHECK(pool.size() == ConnectionPool::IdlePerEndpointMax);
  pool.close_all();
  CHECK(pool.size() == 0);
}

}  // namespace
}  // namespace evener::gateway
