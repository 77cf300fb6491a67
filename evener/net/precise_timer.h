#pragma once
// PreciseTimer: waits to about 0.1 ms, for those few whose timing is the subject (the emulated engine's steps, the load generator's
// arrivals). Costs a descriptor and three system calls per wait; everything else takes the reactor's 10 ms wheel.

#include "evener/core/time.h"
#include "evener/net/reactor.h"
#include "evener/net/socket.h"
#include "evener/net/task.h"

namespace evener::net {

/// One waiter at a time, on the reactor's thread.
class PreciseTimer {
 public:
  /// Aborts the program when there is no descriptor left: nothing that needs it could run.
  explicit PreciseTimer(Reactor& reactor);

  /// Suspends until the instant, and for one turn of the loop at least, also when it has passed. False when the reactor stops or cancel()
  /// was called.
  Task<bool> wait_until(Instant at);
  /// Wakes the waiter with false, now and for ever.
  void cancel() { socket_.cancel(); }

 private:
  Socket socket_;  // of a timerfd: the reactor only needs something that epoll can watch
};

}  // namespace evener::net
