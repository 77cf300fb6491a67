#pragma once
// For tests beside the network code: run a coroutine on a reactor of its own until it ends, and pairs of connected sockets. A test that
// hangs is stopped after GiveUpAfter and fails, instead of holding up the others. No assertion that throws belongs into a coroutine: use
// CHECK there, never REQUIRE.

#include <doctest/doctest.h>
#include <sys/socket.h>

#include <cstring>
#include <string>
#include <string_view>
#include <utility>

#include "evener/net/listener.h"
#include "evener/net/reactor.h"
#include "evener/net/socket.h"

namespace evener::net::testing {

inline constexpr Duration GiveUpAfter = std::chrono::seconds(20);

/// Runs the reactor until the task ends, then stops it, which cancels whatever else is under way.
inline void run_until_ended(Reactor& reactor, Task<> task) {
  bool ended = false;
  const auto then_stop = [](Reactor& loop, Task<> first, bool& done) -> Task<> {
    co_await first;
    done = true;
    loop.stop();
  };
  const Instant give_up = monotonic_now() + GiveUpAfter;
  reactor.on_turn([&reactor, give_up](Instant now) {
    if (now > give_up) reactor.stop();
  });
  bool in_time = false;
  reactor.spawn(then_stop(reactor, std::move(task), ended));
  reactor.run();
  in_time = monotonic_now() < give_up;
  CHECK(ended);
  CHECK_MESSAGE(in_time, "the task hung and was cancelled");
}

/// Lets the loop come round once.
inline Task<> next_turn(Reactor& reactor) {
  Event event(reactor);
  reactor.post([&event] { event.set(); });
  co_await event.wait_uninterrupted();
}

struct SocketPair {
  Socket ours, theirs;
};

/// Two connected stream sockets within this process.
inline SocketPair socket_pair(Reactor& reactor) {
  int fds[2] = {-1, -1};
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds) != 0) FAIL("socketpair");
  return {.ours = Socket(reactor, fds[0]), .theirs = Socket(reactor, fds[1])};
}

inline Address loopback() { return *Address::parse("127.0.0.1:0"); }

/// A listening descriptor on a free port of 127.0.0.1.
inline int listen_anywhere(int backlog = 4096) {
  const auto fd = listen_on(loopback(), ReusePort::No, backlog);
  REQUIRE(fd.has_value());
  return *fd;
}

/// A blocking client descriptor, connected to the listener. Connecting needs no accept() on the other side.
inline int connect_blocking(const Address& address) {
  const int fd = ::socket(address.family(), SOCK_STREAM | SOCK_CLOEXEC, 0);
  REQUIRE(fd >= 0);
  REQUIRE(::connect(fd, address.get(), address.size()) == 0);
  return fd;
}

/// All of the text; a negative errno when it fails.
inline Task<long> send_text(Socket& socket, std::string text) {
  iovec piece{text.data(), text.size()};
  co_return co_await socket.send(std::span(&piece, 1));
}

/// What arrives until the end of the stream, or until it reaches `bytes_max`.
inline Task<std::string> recv_text(Socket& socket, std::size_t bytes_max = std::string::npos) {
  std::string all;
  char bytes[4096];
  while (all.size() < bytes_max) {
    const long got = co_await socket.recv(std::span(bytes, std::min(sizeof bytes, bytes_max - all.size())));
    if (got <= 0) break;
    all.append(bytes, static_cast<std::size_t>(got));
  }
  co_return all;
}

}  // namespace evener::net::testing
