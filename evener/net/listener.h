#pragma once
// Listening sockets: opening them (one per worker, SO_REUSEPORT), and accepting from them on a reactor.

#include <cstdint>
#include <functional>

#include "evener/core/result.h"
#include "evener/net/address.h"
#include "evener/net/socket.h"

namespace evener::net {

enum class ReusePort : std::uint8_t { No, Yes };

/// A non-blocking listening descriptor; port 0 picks a free one (ask local_address()). The error names the address and the cause.
[[nodiscard]] Result<int> listen_on(const Address& address, ReusePort reuse_port, int backlog = 4096);

/// Accepts connections from a listening descriptor (which it owns) and hands each one to `accepted` (which owns that then). At most 64 per
/// turn; when descriptors run out it closes the newest with its reserve and pauses 10 ms, so that existing connections go on.
/// Must live until the reactor has ended.
class Acceptor {
 public:
  Acceptor(Reactor& reactor, int listen_fd, std::function<void(int fd)> accepted);
  ~Acceptor();
  Acceptor(const Acceptor&) = delete;
  Acceptor& operator=(const Acceptor&) = delete;

  /// Takes no more and closes our descriptor. On the reactor's thread. What waits in the kernel's queue is left to whoever shares the socket.
  void stop() { socket_.cancel(); }
  [[nodiscard]] int fd() const { return fd_; }
  [[nodiscard]] std::uint64_t refused_for_descriptors() const { return refused_; }

 private:
  Task<> run();
  enum class Batch : std::uint8_t { Empty, More, OutOfDescriptors };
  Batch accept_batch();

  Reactor& reactor_;
  int fd_;
  Socket socket_;
  int reserve_fd_ = -1;
  std::function<void(int)> accepted_;
  std::uint64_t refused_ = 0;
};

}  // namespace evener::net
