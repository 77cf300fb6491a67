#pragma once
// Listening sockets: opening them (one per worker, SO_REUSEPORT), and accepting from them on a reactor.

#include <cstdint>
#include <functional>
#include <memory>

#include "evener/core/result.h"
#include "evener/net/address.h"
#include "evener/net/socket.h"

namespace evener::net {

enum class ReusePort : std::uint8_t { No, Yes };

/// A non-blocking listening descriptor; port 0 picks a free one (ask local_address()). The error names the address and the cause.
[[nodiscard]] Result<int> listen_on(const Address& address, ReusePort reuse_port, int backlog = 4096);

inline constexpr int AcceptedPerTurnMax = 64;

/// Accepts connections from a listening descriptor (which it owns) and hands each one to `accepted` (which owns that then), at most
/// AcceptedPerTurnMax per turn. When descriptors run out it closes the one that waits longest with its reserve and pauses 10 ms, so that
/// existing connections go on.
class Acceptor {
 public:
  Acceptor(Reactor& reactor, int listen_fd, std::function<void(int fd)> accepted);
  /// Stops. On the reactor's thread, or after the reactor has ended.
  ~Acceptor() { stop(); }
  Acceptor(const Acceptor&) = delete;
  Acceptor& operator=(const Acceptor&) = delete;

  /// Takes no more and closes our descriptor. On the reactor's thread. What waits in the kernel's queue is left to whoever shares the socket.
  void stop();
  [[nodiscard]] std::uint64_t refused_for_descriptors() const;

 private:
  struct State;
  static Task<> run(std::shared_ptr<State> state);
  std::shared_ptr<State> state_;  // shared with the accepting coroutine, which ends after stop()
};

}  // namespace evener::net
