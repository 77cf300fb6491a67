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

struct Acceptor::State {
  State(Reactor& owner, int listen_fd, std::function<void(int)> hand_over)
      : reactor(owner), fd(listen_fd), socket(owner, listen_fd), accepted(std::move(hand_over)) {}
  ~State() {
    if (reserve_fd >= 0) ::close(reserve_fd);
  }
  State(const State&) = delete;
  State& operator=(const State&) = delete;

  static constexpr int BatchMax = AcceptedPerTurnMax / 2;  // one turn can run two: for the event, and for what that made ready
  enum class Batch : std::uint8_t { Empty, More, OutOfDescriptors };
  Batch accept_batch();

  Reactor& reactor;
  int fd;
  Socket socket;
  std::function<void(int)> accepted;
  int reserve_fd = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
  std::uint64_t refused = 0;
};

Acceptor::Acceptor(Reactor& reactor, int listen_fd, std::function<void(int fd)> accepted)
    : state_(std::make_shared<State>(reactor, listen_fd, std::move(accepted))) {
  reactor.spawn(run(state_));
}

void Acceptor::stop(Waiting waiting) {
  if (waiting == Waiting::AcceptFirst) {
    for (int taken = 0; taken < AcceptedAtStopMax; taken += State::BatchMax) {
      if (state_->socket.cancelled() || state_->accept_batch() != State::Batch::More) break;
    }
  }
  state_->socket.cancel();
}

std::uint64_t Acceptor::refused_for_descriptors() const { return state_->refused; }

Task<> Acceptor::run(std::shared_ptr<State> state) {
  for (;;) {
    if (co_await state->socket.wait_readable() < 0) break;
    const State::Batch batch = state->accept_batch();
    if (batch == State::Batch::More) state->socket.give_way();
    if (batch == State::Batch::OutOfDescriptors && !co_await state->reactor.sleep(std::chrono::milliseconds(10))) break;
  }
  state->socket.close();
}

Acceptor::State::Batch Acceptor::State::accept_batch() {
  for (int i = 0; i < BatchMax && !socket.cancelled(); ++i) {
    const int connection = ::accept4(fd, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (connection >= 0) {
      accepted(connection);
      continue;
    }
    if (errno == EAGAIN || errno == EWOULDBLOCK) {
      socket.input_drained();
      return Batch::Empty;
    }
    if ((errno == EMFILE || errno == ENFILE) && reserve_fd >= 0) {
      // Without this the connection would stay in the queue and its client would wait for ever.
      ::close(reserve_fd);
      const int rejected = ::accept4(fd, nullptr, nullptr, SOCK_CLOEXEC);
      if (rejected >= 0) ::close(rejected);
      reserve_fd = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
      ++refused;
      return Batch::OutOfDescriptors;
    }
    if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) return Batch::OutOfDescriptors;
    // ECONNABORTED and the network errors that Linux passes on belong to one connection that is gone already.
  }
  return Batch::More;
}

}  // namespace evener::net
