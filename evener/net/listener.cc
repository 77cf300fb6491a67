#include "evener/net/listener.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace evener::net {

Result<int> listen_on(const Address& address, ReusePort reuse_port, int backlog) {
  const auto failed = [&](const char* step, int fd) {
    const int error = errno;
    if (fd >= 0) ::close(fd);
    std::string advice;
    if (error == EADDRINUSE) advice = " (another program listens there: stop it, or choose another port)";
    if (error == EACCES) advice = " (ports below 1024 need CAP_NET_BIND_SERVICE)";
    return fail("cannot listen on " + address.text() + ": " + step + ": " + std::strerror(error) + advice);
  };
  const int fd = ::socket(address.family(), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) return failed("socket", fd);
  const int on = 1;
  ::setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (reuse_port == ReusePort::Yes && ::setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on) != 0) return failed("SO_REUSEPORT", fd);
  if (::bind(fd, address.get(), address.size()) != 0) return failed("bind", fd);
  if (::listen(fd, backlog) != 0) return failed("listen", fd);
  return fd;
}

Acceptor::Acceptor(Reactor& reactor, int listen_fd, std::function<void(int fd)> accepted)
    : reactor_(reactor), fd_(listen_fd), socket_(reactor, listen_fd), accepted_(std::move(accepted)) {
  reserve_fd_ = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
  reactor_.spawn(run());
}

Acceptor::~Acceptor() {
  if (reserve_fd_ >= 0) ::close(reserve_fd_);
}

Task<> Acceptor::run() {
  for (;;) {
    if (co_await socket_.wait_readable() < 0) break;
    const Batch batch = accept_batch();
    if (batch == Batch::OutOfDescriptors && !co_await reactor_.sleep(std::chrono::milliseconds(10))) break;
  }
  socket_.close();
}

Acceptor::Batch Acceptor::accept_batch() {
  constexpr int BatchMax = 64;
  for (int i = 0; i < BatchMax; ++i) {
    const int fd = ::accept4(fd_, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd >= 0) {
      accepted_(fd);
      continue;
    }
    if (errno == EAGAIN || errno == EWOULDBLOCK) {
      socket_.input_drained();
      return Batch::Empty;
    }
    if ((errno == EMFILE || errno == ENFILE) && reserve_fd_ >= 0) {
      // Without this the connection would stay in the queue and its client would wait for ever.
      ::close(reserve_fd_);
      const int refused = ::accept4(fd_, nullptr, nullptr, SOCK_CLOEXEC);
      if (refused >= 0) ::close(refused);
      reserve_fd_ = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
      ++refused_;
      return Batch::OutOfDescriptors;
    }
    if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) return Batch::OutOfDescriptors;
    // ECONNABORTED and the network errors that Linux passes on belong to one connection that is gone already.
  }
  return Batch::More;
}

}  // namespace evener::net
