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
/// Accepted by a stop that takes what waits: a full queue (listen_on()'s backlog), and an end to it while new ones keep coming.
inline constexpr int AcceptedAtStopMax = 4096;

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

  /// What becomes of the connections in the kernel's queue, which their clients believe to be open: the close of a socket that nobody shares
  /// resets them.
  enum class Waiting : std::uint8_t { LeaveToSharer, AcceptFirst };
  /// Takes no more, but for at most AcceptedAtStopMax that wait, and closes our descriptor. On the reactor's thread.
  void stop(Waiting waiting = Waiting::LeaveToSharer);
  [[nodiscard]] std::uint64_t refused_for_descriptors() const;

 private:
  struct State;
  static Task<> run(std::shared_ptr<State> state);
  std::shared_ptr<State> state_;  // shared with the accepting coroutine, which ends after stop()
};

}  // namespace evener::net
