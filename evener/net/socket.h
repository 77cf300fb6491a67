#pragma once
// Socket: a non-blocking stream socket on a reactor, owned by a coroutine. Each operation tries its system call first and suspends only
// when it would block; the loop retries it and resumes the coroutine once it has succeeded, failed, timed out or was cancelled.
// Results are byte counts, or a negative errno: -ETIMEDOUT past the deadline, -ECANCELED after cancel().

#include <sys/uio.h>

#include <cerrno>
#include <coroutine>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <utility>

#include "evener/core/time.h"
#include "evener/net/address.h"
#include "evener/net/reactor.h"

namespace evener::net {

/// One suspended operation. `attempt` retries its system call: true when it is over.
struct Operation {
  std::coroutine_handle<> waiter;
  bool (*attempt)(Operation& self, SocketState& socket) = nullptr;
  long result = 0;
};

/// Called once when the peer has gone (closed, reset, or closed its sending side).
struct HangupWatch {
  void (*notify)(void* context) = nullptr;
  void* context = nullptr;
};

struct SocketState final : TimerNode {
  SocketState(Reactor& owner, int descriptor) : reactor(owner), fd(descriptor) {}
  ~SocketState();

  /// How many operations in a row a coroutine may complete without going back to the loop: the fairness cap.
  static constexpr std::uint32_t OperationsPerResume = 16;

  void on_events(std::uint32_t events);
  void cancel();
  void complete(Operation*& slot, long result);
  void suspend(Operation*& slot, Operation& operation, Instant deadline);
  void arm_write();
  void expire(Instant now) override;
  void close();

  Reactor& reactor;
  int fd;
  bool readable = false;
  bool writable = false;
  bool hangup = false;
  bool cancelled = false;
  Operation* reader = nullptr;
  Operation* writer = nullptr;
  Instant read_deadline = Instant::max();
  Instant write_deadline = Instant::max();
  Duration write_idle{};  // when > 0, each byte that leaves moves write_deadline that far away
  HangupWatch watch;
  SocketState* next_open = nullptr;
  SocketState** prev_open = nullptr;
};

class Socket {
 public:
  Socket() = default;
  /// Takes over a connected, non-blocking descriptor.
  Socket(Reactor& reactor, int fd);
  Socket(Socket&& other) noexcept : state_(std::move(other.state_)) {}
  Socket& operator=(Socket&& other) noexcept;
  ~Socket() { close(); }

  [[nodiscard]] explicit operator bool() const { return state_ != nullptr; }
  [[nodiscard]] int fd() const { return state_->fd; }
  [[nodiscard]] Reactor& reactor() const { return state_->reactor; }
  /// The peer has closed its sending side or the connection broke; bytes may still be waiting.
  [[nodiscard]] bool hung_up() const { return state_->hangup; }
  /// Bytes (or an end) are waiting that nobody has read: a kept connection in this state must not be used again.
  [[nodiscard]] bool has_input() const { return state_->readable; }
  [[nodiscard]] bool cancelled() const { return state_->cancelled; }
  /// Everything has been taken by other means than recv (an acceptor's accept): wait for the next event.
  void input_drained() { state_->readable = false; }
  /// The coroutine that runs now has done its share: its next operation waits for the loop to come round, even if it could go on at once.
  void give_way() { state_->reactor.operations_left_ = 0; }

  void close();
  /// Closes with a reset instead of a clean end.
  void abort();
  /// Ends our sending side.
  void shutdown_send();
  /// Fails what is pending and everything after with -ECANCELED. Safe to call from anywhere on the reactor's thread.
  void cancel() {
    if (state_) state_->cancel();
  }
  /// Fails a pending read with -ECANCELED and leaves the socket as it is otherwise.
  void interrupt_read() { state_->complete(state_->reader, -ECANCELED); }
  /// Calls watch.notify when the peer goes, or at once when it has gone already or the socket is cancelled; replaces the watch before.
  void watch_hangup(HangupWatch watch);
  void forget_hangup_watch() { state_->watch = {}; }

  /// Deadlines of the operations that are started from now on; Instant::max() = none.
  void set_read_deadline(Instant deadline) { state_->read_deadline = deadline; }
  /// Brings the read deadline forward, also that of an operation that waits already.
  void shorten_read_deadline(Instant deadline);
  void set_write_deadline(Instant deadline) {
    state_->write_deadline = deadline;
    state_->write_idle = Duration::zero();
  }
  /// A send may take any time as long as the peer takes something of it within each `idle`.
  void set_write_idle(Duration idle) {
    state_->write_deadline = state_->reactor.now() + idle;
    state_->write_idle = idle;
  }

  struct WaitReadable;
  struct Recv;
  struct Send;
  struct Connected;

  /// Waits until there is something to read (or an end); 0 or a negative errno. Holds no buffer while it waits.
  WaitReadable wait_readable();
  /// Reads what is there, at most buffer.size(); 0 is the end of the stream.
  Recv recv(std::span<char> buffer);
  /// Reads without waiting: -EAGAIN when there is nothing.
  long try_recv(std::span<char> buffer);
  /// Sends all of the pieces (the array is consumed: its entries change); the sum of their sizes, or a negative errno.
  Send send(std::span<iovec> pieces);
  /// Connects; 0 or a negative errno.
  static Task<int> connect(Socket& out, Reactor& reactor, Address address, Instant deadline);

 private:
  friend struct Connected;
  std::unique_ptr<SocketState> state_;
};

struct Socket::WaitReadable : Operation {
  explicit WaitReadable(SocketState& socket) : socket_(socket) {}
  [[nodiscard]] bool await_ready() noexcept;
  void await_suspend(std::coroutine_handle<> handle) noexcept;
  [[nodiscard]] long await_resume() const noexcept { return result; }

 private:
  SocketState& socket_;
};

struct Socket::Recv : Operation {
  Recv(SocketState& socket, std::span<char> buffer) : socket_(socket), buffer_(buffer) {}
  [[nodiscard]] bool await_ready() noexcept;
  void await_suspend(std::coroutine_handle<> handle) noexcept;
  [[nodiscard]] long await_resume() const noexcept { return result; }

 private:
  static bool try_again(Operation& self, SocketState& socket);
  SocketState& socket_;
  std::span<char> buffer_;
};

struct Socket::Send : Operation {
  Send(SocketState& socket, std::span<iovec> pieces) : socket_(socket), pieces_(pieces) {}
  [[nodiscard]] bool await_ready() noexcept;
  void await_suspend(std::coroutine_handle<> handle) noexcept;
  [[nodiscard]] long await_resume() const noexcept { return result; }

 private:
  static bool try_again(Operation& self, SocketState& socket);
  SocketState& socket_;
  std::span<iovec> pieces_;
  long sent_ = 0;
};

struct Socket::Connected : Operation {
  explicit Connected(SocketState& socket) : socket_(socket) {}
  [[nodiscard]] bool await_ready() const noexcept { return false; }
  void await_suspend(std::coroutine_handle<> handle) noexcept;
  [[nodiscard]] long await_resume() const noexcept { return result; }

 private:
  SocketState& socket_;
};

inline Socket::WaitReadable Socket::wait_readable() { return WaitReadable(*state_); }
inline Socket::Recv Socket::recv(std::span<char> buffer) { return Recv(*state_, buffer); }
inline Socket::Send Socket::send(std::span<iovec> pieces) { return Send(*state_, pieces); }

}  // namespace evener::net
