#pragma once
// Zero-downtime restart: a new process takes the listening sockets of the one that runs, over a Unix socket. Both accept from the same
// kernel queues for a moment, so no connection is refused or lost; then the old one drains and exits. Passing descriptors is used and not
// SO_REUSEPORT alone, because a closing socket's own queue would be lost.

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "evener/core/result.h"

namespace evener::gateway {

/// What the running process gives away: listening descriptors, told apart by getsockname().
inline constexpr std::size_t HandoverDescriptorsMax = 250;

/// Asks the process behind `socket_path` for its listeners. Empty when nobody answers there (a first start).
/// The error when somebody does and it fails.
[[nodiscard]] Result<std::vector<int>> take_over_listeners(const std::string& socket_path);
/// Tells the process behind `socket_path` that we accept now: it drains and exits.
void confirm_takeover(const std::string& socket_path);

/// Waits on the Unix socket for a new process. Only the same user may connect (mode 0600).
class HandoverServer {
 public:
  /// `descriptors` are given to whoever asks; `taken` is called (on a thread of its own) once the new process has confirmed.
  static Result<std::unique_ptr<HandoverServer>> start(std::string socket_path, std::vector<int> descriptors, std::function<void()> taken);
  ~HandoverServer();
  HandoverServer(const HandoverServer&) = delete;
  HandoverServer& operator=(const HandoverServer&) = delete;

 private:
  HandoverServer(std::string socket_path, int listen_fd, int stop_fd, std::vector<int> descriptors, std::function<void()> taken);
  void run();

  std::string socket_path_;
  int listen_fd_;
  int stop_fd_;
  std::vector<int> descriptors_;
  std::function<void()> taken_;
  std::atomic<bool> given_away_{false};
  std::thread thread_;
};

}  // namespace evener::gateway
