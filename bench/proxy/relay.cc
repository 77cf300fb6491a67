// The physical floor under every proxy of this machine: passes the bytes of each connection on to one of its own to the backend and back, as
// they come, and looks at none of them. Four system calls per request that any proxy has to make as well, and next to nothing else.
//
//   proxy_bench_relay --port P --target 127.0.0.1:PORT

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bench/proxy/arguments.h"
#include "bench/proxy/sockets.h"

namespace {

constexpr std::size_t DescriptorsMax = 65536;  // enough for what the benchmark opens

[[noreturn]] void give_up(const char* what) {
  std::perror(what);
  std::exit(1);
}

int listen_on(std::uint16_t port) {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  const int on = 1;
  ::setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (::bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 || ::listen(fd, 1024) != 0) give_up("listen");
  return fd;
}

void no_delay(int fd) {
  const int on = 1;
  ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

/// A blocking connect: it happens once per connection, before the requests that are measured.
int connect_to(const sockaddr_in& target) {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0 || ::connect(fd, reinterpret_cast<const sockaddr*>(&target), sizeof target) != 0) give_up("connect");
  no_delay(fd);
  return fd;
}

}  // namespace

int main(int argc, char** argv) {
  std::signal(SIGPIPE, SIG_IGN);
  const proxy_bench::Arguments arguments(argc, argv, {{"port", "9100"}, {"target", "127.0.0.1:9101"}});
  const auto port = static_cast<std::uint16_t>(arguments.number("port"));
  const sockaddr_in target = proxy_bench::parse_target(arguments.text("target"));
  const int listener = listen_on(port);
  const int epoll = ::epoll_create1(EPOLL_CLOEXEC);
  std::vector<int> other_end(DescriptorsMax, -1);  // by descriptor
  const auto watch = [epoll](int fd) {
    epoll_event event{.events = EPOLLIN, .data = {.fd = fd}};
    if (::epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) != 0) give_up("epoll_ctl");
  };
  watch(listener);
  static char block[64 * 1024];
  std::vector<epoll_event> events(256);
  for (;;) {
    const int ready = ::epoll_wait(epoll, events.data(), static_cast<int>(events.size()), -1);
    for (int i = 0; i < ready; ++i) {
      const int fd = events[static_cast<std::size_t>(i)].data.fd;
      if (fd == listener) {
        const int client = ::accept4(listener, nullptr, nullptr, SOCK_CLOEXEC);
        if (client < 0) continue;
        no_delay(client);
        const int upstream = connect_to(target);
        other_end[static_cast<std::size_t>(client)] = upstream;
        other_end[static_cast<std::size_t>(upstream)] = client;
        watch(client);
        watch(upstream);
        continue;
      }
      const int other = other_end[static_cast<std::size_t>(fd)];
      if (other < 0) continue;  // its pair was closed in this turn
      const ssize_t got = ::recv(fd, block, sizeof block, MSG_DONTWAIT);
      if (got < 0) continue;
      // Messages of the benchmark fit into a socket's buffer, so that a blocking send never waits.
      if (got > 0 && ::send(other, block, static_cast<std::size_t>(got), 0) == got) continue;
      for (const int end : {fd, other}) {
        other_end[static_cast<std::size_t>(end)] = -1;
        ::close(end);
      }
    }
  }
}
