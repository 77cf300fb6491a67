#include "evener/net/listener.h"

#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <string>
#include <vector>

#include "evener/net/testing.h"

namespace evener::net {
namespace {

using namespace std::chrono_literals;
using testing::connect_blocking;
using testing::listen_anywhere;
using testing::next_turn;
using testing::run_until_ended;

std::vector<int> connect_many(const Address& address, int count) {
  std::vector<int> clients;
  for (int i = 0; i < count; ++i) clients.push_back(connect_blocking(address));
  return clients;
}

void close_all(const std::vector<int>& fds) {
  for (const int fd : fds) ::close(fd);
}

TEST_CASE("every connection is handed over once, at most 64 in a turn") {
  Reactor reactor;
  const int fd = listen_anywhere();
  const std::vector<int> clients = connect_many(local_address(fd), 300);
  std::vector<int> accepted;
  int this_turn = 0;
  int most = 0;
  reactor.on_turn([&](Instant) { this_turn = 0; });
  const auto body = [&]() -> Task<> {
    Acceptor acceptor(reactor, fd, [&](int connection) {
      accepted.push_back(connection);
      most = std::max(most, ++this_turn);
    });
    while (accepted.size() < clients.size()) co_await next_turn(reactor);
    co_await next_turn(reactor);
    CHECK(acceptor.refused_for_descriptors() == 0);
  };
  run_until_ended(reactor, body());
  CHECK(accepted.size() == clients.size());
  CHECK(most <= AcceptedPerTurnMax);
  std::sort(accepted.begin(), accepted.end());
  CHECK(std::adjacent_find(accepted.begin(), accepted.end()) == accepted.end());
  close_all(accepted);
  close_all(clients);
}

TEST_CASE("an acceptor that was stopped leaves the queue to whoever shares the socket") {
  Reactor reactor;
  const int fd = listen_anywhere();
  const int shared = ::dup(fd);
  const std::vector<int> clients = connect_many(local_address(fd), 3);
  std::vector<int> accepted;
  const auto body = [&]() -> Task<> {
    Acceptor* self = nullptr;
    Acceptor acceptor(reactor, fd, [&](int connection) {
      accepted.push_back(connection);
      self->stop();
    });
    self = &acceptor;
    while (accepted.empty()) co_await next_turn(reactor);
    for (int i = 0; i < 3; ++i) co_await next_turn(reactor);
  };
  run_until_ended(reactor, body());
  CHECK(accepted.size() == 1);
  for (int i = 0; i < 2; ++i) {
    const int connection = ::accept4(shared, nullptr, nullptr, SOCK_NONBLOCK);
    CHECK(connection >= 0);
    ::close(connection);
  }
  ::close(shared);
  close_all(accepted);
  close_all(clients);
}

TEST_CASE("an acceptor that stops for good first takes whoever waits, so that nobody is reset") {
  Reactor reactor;
  const int fd = listen_anywhere();
  const std::vector<int> clients = connect_many(local_address(fd), 300);
  std::vector<int> accepted;
  const auto body = [&]() -> Task<> {
    Acceptor acceptor(reactor, fd, [&](int connection) { accepted.push_back(connection); });
    acceptor.stop(Acceptor::Waiting::AcceptFirst);
    CHECK(accepted.size() == clients.size());
    acceptor.stop(Acceptor::Waiting::AcceptFirst);
    co_await next_turn(reactor);
  };
  run_until_ended(reactor, body());
  CHECK(accepted.size() == clients.size());
  close_all(accepted);
  close_all(clients);
}

TEST_CASE("a stop that takes whoever waits ends although new ones keep coming") {
  Reactor reactor;
  const int fd = listen_anywhere();
  const Address address = local_address(fd);
  int client = connect_blocking(address);
  int accepted = 0;
  const auto body = [&]() -> Task<> {
    Acceptor acceptor(reactor, fd, [&](int connection) {
      ++accepted;
      ::close(connection);
      const linger reset{.l_onoff = 1, .l_linger = 0};  // no port is left waiting for a late segment
      ::setsockopt(client, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
      ::close(client);
      client = connect_blocking(address);
    });
    acceptor.stop(Acceptor::Waiting::AcceptFirst);
    co_await next_turn(reactor);
  };
  run_until_ended(reactor, body());
  CHECK(accepted == AcceptedAtStopMax);
  ::close(client);
}

TEST_CASE("a stopped acceptor closes its descriptor: the port is free again") {
  Reactor reactor;
  const int fd = listen_anywhere();
  const Address address = local_address(fd);
  const auto body = [&]() -> Task<> {
    {
      const Acceptor acceptor(reactor, fd, [](int connection) { ::close(connection); });
      co_await next_turn(reactor);
    }
    co_await next_turn(reactor);
    co_await next_turn(reactor);
    const auto again = listen_on(address, ReusePort::No);
    CHECK(again.has_value());
    if (again) ::close(*again);
  };
  run_until_ended(reactor, body());
}

/// Runs in a child, because the limit is the whole process's. The claims that hold, as bits.
int with_descriptors_exhausted() {
  Reactor reactor;
  const auto listening = listen_on(testing::loopback(), ReusePort::No);
  if (!listening) return 0;
  const Address address = local_address(*listening);
  const auto client = [&] {
    const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    return ::connect(fd, address.get(), address.size()) == 0 ? fd : -1;
  };
  const int unlucky = client();
  const int late = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  std::vector<int> accepted;
  int held = 0;
  const auto body = [&]() -> Task<> {
    Acceptor acceptor(reactor, *listening, [&](int connection) { accepted.push_back(connection); });
    // Not one more than are open now.
    const int next_free = ::dup(0);
    ::close(next_free);
    rlimit before{};
    ::getrlimit(RLIMIT_NOFILE, &before);
    const rlimit none_left{.rlim_cur = static_cast<rlim_t>(next_free), .rlim_max = before.rlim_max};
    ::setrlimit(RLIMIT_NOFILE, &none_left);
    while (acceptor.refused_for_descriptors() == 0) co_await next_turn(reactor);
    if (accepted.empty()) held |= 1;
    char byte = 0;
    if (::recv(unlucky, &byte, 1, 0) <= 0) held |= 2;  // it was told, and does not wait for ever
    ::setrlimit(RLIMIT_NOFILE, &before);
    if (::connect(late, address.get(), address.size()) == 0) held |= 4;
    while (accepted.empty()) co_await next_turn(reactor);
    held |= 8;
  };
  bool ended = false;
  const auto then_stop = [&](Task<> first) -> Task<> {
    co_await first;
    ended = true;
    reactor.stop();
  };
  reactor.spawn(then_stop(body()));
  reactor.run();
  return ended ? held : 0;
}

TEST_CASE("without descriptors the next connection is closed, and accepting goes on when there are some again") {
  const pid_t child = ::fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    ::alarm(20);  // a child that hangs ends by a signal
    ::_exit(with_descriptors_exhausted());
  }
  int status = 0;
  REQUIRE(::waitpid(child, &status, 0) == child);
  REQUIRE(WIFEXITED(status));
  CHECK(WEXITSTATUS(status) == 15);
}

TEST_CASE("an address in use is an error that names it and says what to do") {
  const int fd = listen_anywhere();
  const Address address = local_address(fd);
  const auto second = listen_on(address, ReusePort::No);
  REQUIRE(!second.has_value());
  CHECK(second.error().message.find(address.text()) != std::string::npos);
  CHECK(second.error().message.find("another program") != std::string::npos);
  ::close(fd);
}

TEST_CASE("two descriptors may listen on one port when both ask for it") {
  const auto first = listen_on(testing::loopback(), ReusePort::Yes);
  REQUIRE(first.has_value());
  const auto second = listen_on(local_address(*first), ReusePort::Yes);
  CHECK(second.has_value());
  ::close(*first);
  if (second) ::close(*second);
}

}  // namespace
}  // namespace evener::net
