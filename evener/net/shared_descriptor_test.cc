#include <sys/socket.h>
#include <unistd.h>

#include <doctest/doctest.h>

#include <array>
#include <filesystem>
#include <fstream>
#include <string>

#include "evener/net/reactor.h"
#include "evener/net/socket.h"

namespace evener::net {
namespace {

/// How many descriptors the epoll instances of this process watch.
int watched_descriptors() {
  int watched = 0;
  for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) {
    std::error_code gone;
    if (std::filesystem::read_symlink(entry.path(), gone) != "anon_inode:[eventpoll]") continue;
    std::ifstream info("/proc/self/fdinfo/" + entry.path().filename().string());
    for (std::string line; std::getline(info, line);) watched += line.starts_with("tfd:") ? 1 : 0;
  }
  return watched;
}

}  // namespace

TEST_CASE("a closed socket is watched no more, also when another process still holds what it was") {
  std::array<int, 2> fds{};
  REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds.data()) == 0);
  Reactor reactor;
  const int before = watched_descriptors();
  const int elsewhere = ::dup(fds[0]);  // as after a listener was passed to a new process
  Socket socket(reactor, fds[0]);
  CHECK(watched_descriptors() == before + 1);
  socket.close();
  CHECK(watched_descriptors() == before);
  ::close(elsewhere);
  ::close(fds[1]);
}

}  // namespace evener::net
