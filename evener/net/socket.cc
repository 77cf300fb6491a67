#include "evener/net/socket.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>

namespace evener::net {
namespace {

// glibc's own recv(), send() and sendmsg() are places where a thread may be cancelled, for which each pays two atomic operations as soon as there
// are several threads: 1 % of a proxied request. No thread is ever cancelled here.
ssize_t receive(int fd, std::span<char> into) { return ::syscall(SYS_recvfrom, fd, into.data(), into.size(), 0, nullptr, nullptr); }
ssize_t send_piece(int fd, const iovec& piece) {
  return ::syscall(SYS_sendto, fd, piece.iov_base, piece.iov_len, MSG_NOSIGNAL, nullptr, 0);
}
ssize_t send_pieces(int fd, std::span<iovec> pieces) {
  msghdr message{};
  message.msg_iov = pieces.data();
  message.msg_iovlen = pieces.size();
  return ::syscall(SYS_sendmsg, fd, &message, MSG_NOSIGNAL);
}

long recv_once(SocketState& socket, std::span<char> buffer) {
  for (;;) {
    const ssize_t got = receive(socket.fd, buffer);
    if (got >= 0) {
      // A short read means the kernel's queue is empty: the next edge will tell. After a hang-up there will be no more edges.
      if (static_cast<std::size_t>(got) < buffer.size() && !socket.hangup) socket.readable = false;
      return got;
    }
    if (errno == EINTR) continue;
    if (errno == EAGAIN) socket.readable = false;
    return -errno;
  }
}

}  // namespace

SocketState::~SocketState() {
  if (fd >= 0) ::close(fd);
}

void SocketState::close() {
  unlink();
  if (prev_open != nullptr) {
    *prev_open = next_open;
    if (next_open != nullptr) next_open->prev_open = prev_open;
    prev_open = nullptr;
  }
  if (fd >= 0) {
    // A listener may be shared with the process that takes over. Then closing our descriptor does not end its registration, and its events
    // would go on naming this state.
    ::epoll_ctl(reactor.epoll_fd_, EPOLL_CTL_DEL, fd, nullptr);
    ::close(fd);
  }
  fd = -1;
  reader = writer = nullptr;
  watch = {};
}

void SocketState::on_events(std::uint32_t events) {
  if (fd < 0) return;  // closed earlier in this turn
  if ((events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0) readable = true;
  if ((events & (EPOLLOUT | EPOLLHUP | EPOLLERR)) != 0) writable = true;
  if ((events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0 && !hangup) {
    hangup = true;
    if (watch.notify != nullptr) {
      const HangupWatch told = std::exchange(watch, {});
      told.notify(told.context);
    }
  }
  // The coroutine may close this socket when it is resumed; the state itself outlives the turn (see Reactor::bury).
  if (readable && reader != nullptr && reader->attempt(*reader, *this)) {
    Operation* done = std::exchange(reader, nullptr);
    reactor.operations_left_ = OperationsPerResume;
    done->waiter.resume();
    if (fd < 0) return;
  }
  if (writable && writer != nullptr && writer->attempt(*writer, *this)) {
    Operation* done = std::exchange(writer, nullptr);
    reactor.operations_left_ = OperationsPerResume;
    done->waiter.resume();
  }
}

void SocketState::complete(Operation*& slot, long result) {
  if (slot == nullptr) return;
  Operation* done = std::exchange(slot, nullptr);
  done->result = result;
  reactor.ready_.push_back(done->waiter);
}

void SocketState::cancel() {
  cancelled = true;
  complete(reader, -ECANCELED);
  complete(writer, -ECANCELED);
}

void SocketState::suspend(Operation*& slot, Operation& operation, Instant deadline) {
  slot = &operation;
  if (deadline != Instant::max()) reactor.timers_.arm(*this, deadline);
}

void SocketState::arm_write() {
  if (write_deadline != Instant::max()) reactor.timers_.arm(*this, write_deadline);
}

void SocketState::expire(Instant now) {
  if (now >= read_deadline) complete(reader, -ETIMEDOUT);
  if (now >= write_deadline) complete(writer, -ETIMEDOUT);
  Instant next = Instant::max();
  if (reader != nullptr) next = std::min(next, read_deadline);
  if (writer != nullptr) next = std::min(next, write_deadline);
  if (next != Instant::max()) reactor.timers_.arm(*this, next);
}

Socket::Socket(Reactor& reactor, int fd) : state_(std::make_unique<SocketState>(reactor, fd)) {
  const int on = 1;
  ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);  // fails harmlessly on Unix sockets
  epoll_event event{};
  event.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET;
  event.data.ptr = state_.get();
  if (::epoll_ctl(reactor.epoll_fd_, EPOLL_CTL_ADD, fd, &event) != 0) state_->cancelled = true;
  state_->next_open = reactor.sockets_;
  state_->prev_open = &reactor.sockets_;
  if (state_->next_open != nullptr) state_->next_open->prev_open = &state_->next_open;
  reactor.sockets_ = state_.get();
}

Socket& Socket::operator=(Socket&& other) noexcept {
  if (this != &other) {
    close();
    state_ = std::move(other.state_);
  }
  return *this;
}

void Socket::close() {
  if (!state_) return;
  state_->close();
  Reactor& reactor = state_->reactor;
  reactor.bury(std::move(state_));
}

void Socket::abort() {
  if (!state_) return;
  const linger reset{.l_onoff = 1, .l_linger = 0};
  ::setsockopt(state_->fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
  close();
}

void Socket::shutdown_send() { ::shutdown(state_->fd, SHUT_WR); }

void Socket::watch_hangup(HangupWatch watch) {
  state_->watch = {};
  if (state_->hangup || state_->cancelled) {
    watch.notify(watch.context);
  } else {
    state_->watch = watch;
  }
}

void Socket::shorten_read_deadline(Instant deadline) {
  if (deadline >= state_->read_deadline) return;
  state_->read_deadline = deadline;
  if (state_->reader != nullptr) state_->reactor.timers_.arm(*state_, deadline);
}

long Socket::try_recv(std::span<char> buffer) {
  if (state_->cancelled) return -ECANCELED;
  return recv_once(*state_, buffer);
}

bool Socket::WaitReadable::await_ready() noexcept {
  if (socket_.cancelled) {
    result = -ECANCELED;
    return true;
  }
  if (socket_.readable && socket_.reactor.operations_left_ > 0) {
    --socket_.reactor.operations_left_;
    return true;
  }
  return false;
}

void Socket::WaitReadable::await_suspend(std::coroutine_handle<> handle) noexcept {
  waiter = handle;
  attempt = [](Operation&, SocketState&) { return true; };
  if (socket_.readable) {  // only its turn is over
    socket_.reactor.ready_.push_back(handle);
    return;
  }
  socket_.suspend(socket_.reader, *this, socket_.read_deadline);
}

bool Socket::Recv::await_ready() noexcept {
  if (socket_.cancelled) {
    result = -ECANCELED;
    return true;
  }
  if (!socket_.readable || socket_.reactor.operations_left_ == 0) return false;
  --socket_.reactor.operations_left_;
  result = recv_once(socket_, buffer_);
  return result != -EAGAIN;
}

bool Socket::Recv::try_again(Operation& self, SocketState& socket) {
  self.result = recv_once(socket, static_cast<Recv&>(self).buffer_);
  return self.result != -EAGAIN;
}

void Socket::Recv::await_suspend(std::coroutine_handle<> handle) noexcept {
  waiter = handle;
  attempt = &Recv::try_again;
  if (socket_.readable) {  // its turn is over: read when it comes round again
    if (try_again(*this, socket_)) {
      socket_.reactor.ready_.push_back(handle);
      return;
    }
  }
  socket_.suspend(socket_.reader, *this, socket_.read_deadline);
}

bool Socket::Send::await_ready() noexcept {
  if (!socket_.cancelled) return false;
  result = -ECANCELED;
  return true;
}

bool Socket::Send::try_again(Operation& self, SocketState& socket) {
  auto& send = static_cast<Send&>(self);
  bool moved = false;
  while (!send.pieces_.empty()) {
    if (send.pieces_.front().iov_len == 0) {
      send.pieces_ = send.pieces_.subspan(1);
      continue;
    }
    // The kernel takes one piece without looking at a vector of them.
    const ssize_t wrote = send.pieces_.size() == 1 ? send_piece(socket.fd, send.pieces_.front()) : send_pieces(socket.fd, send.pieces_);
    if (wrote < 0) {
      if (errno == EINTR) continue;
      if (errno == EAGAIN) {
        socket.writable = false;
        if (moved && socket.write_idle > Duration::zero()) socket.write_deadline = socket.reactor.now() + socket.write_idle;
        return false;
      }
      send.result = -errno;
      return true;
    }
    send.sent_ += wrote;
    moved = true;
    auto left = static_cast<std::size_t>(wrote);
    while (left > 0) {
      iovec& piece = send.pieces_.front();
      const std::size_t taken = std::min(left, piece.iov_len);
      piece.iov_base = static_cast<char*>(piece.iov_base) + taken;
      piece.iov_len -= taken;
      left -= taken;
      if (piece.iov_len == 0) send.pieces_ = send.pieces_.subspan(1);
    }
  }
  send.result = send.sent_;
  return true;
}

void Socket::Send::await_suspend(std::coroutine_handle<> handle) noexcept {
  waiter = handle;
  attempt = &Send::try_again;
  socket_.writer = this;
  socket_.reactor.sends_.push_back({.socket = &socket_, .operation = this});
}

void Socket::Connected::await_suspend(std::coroutine_handle<> handle) noexcept {
  waiter = handle;
  attempt = [](Operation& self, SocketState& socket) {
    int error = 0;
    socklen_t size = sizeof error;
    ::getsockopt(socket.fd, SOL_SOCKET, SO_ERROR, &error, &size);
    self.result = -error;
    return true;
  };
  socket_.suspend(socket_.writer, *this, socket_.write_deadline);
}

Task<int> Socket::connect(Socket& out, Reactor& reactor, Address address, Instant deadline) {
  const int fd = ::socket(address.family(), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) co_return -errno;
  if (::connect(fd, address.get(), address.size()) == 0) {
    out = Socket(reactor, fd);
    co_return 0;
  }
  if (errno != EINPROGRESS) {
    const int error = errno;
    ::close(fd);
    co_return -error;
  }
  out = Socket(reactor, fd);
  if (out.cancelled()) co_return -ECANCELED;
  out.set_write_deadline(deadline);
  const long result = co_await Connected(*out.state_);
  out.set_write_deadline(Instant::max());
  if (result != 0) out.close();
  co_return static_cast<int>(result);
}

}  // namespace evener::net
