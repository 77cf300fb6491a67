#pragma once
// Kept connections to endpoints, of one worker thread. The last one put back is taken first, so that the others can grow old and go.
// A connection on which anything happened while it was idle (bytes, an end, an error) is never handed out.

#include <unordered_map>
#include <vector>

#include "evener/gateway/pool.h"
#include "evener/net/socket.h"

namespace evener::gateway {

/// Not thread-safe; one per worker.
class ConnectionPool {
 public:
  static constexpr std::size_t IdlePerEndpointMax = 1024;

  /// A kept connection to the endpoint's present address, or an empty socket.
  [[nodiscard]] net::Socket take(const Endpoint& endpoint, Instant now, Duration idle_max);
  /// Keeps a connection whose last answer was complete, with nothing behind it.
  void put(const Endpoint& endpoint, net::Socket socket, Instant now);
  /// Closes what is broken or idle for longer than `idle_max`; so those to an endpoint that was removed go, too.
  void purge(Instant now, Duration idle_max);
  void close_all() { idle_.clear(); }
  [[nodiscard]] std::size_t size() const;

 private:
  struct Idle {
    net::Socket socket;
    net::Address address;
    Instant since;
  };
  std::unordered_map<std::uint32_t, std::vector<Idle>> idle_;  // by endpoint id: the parameters of a connection are its endpoint's
};

}  // namespace evener::gateway
