#pragma once
// Zero-downtime restart: a new process takes the listening sockets of the one that runs, over a Unix socket. Both accept from the same
// kernel queues for a moment, so no connection is refused or lost; then the old one drains and exits. Passing descriptors is used and not
// SO_REUSEPORT alone, because a closing socket's own queue would be lost.

#include <cstdint>
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

/// Waits on a Unix socket for a new process. Only the same user may connect (mode 0600). It begins under a hidden name beside `socket_path`
/// and moves to that name when everything else stands, so that a start which fails leaves the process that runs as it is.
class HandoverServer {
 public:
  /// Does all that can fail. `descriptors` are given to whoever asks; `taken` is called (on a thread of its own) once the new process has
  /// confirmed. Nobody asks before take_place().
  static Result<std::unique_ptr<HandoverServer>> start(std::string socket_path, std::vector<int> descriptors, std::function<void()> taken);
  /// Takes the name, and tells the process that had it that we accept now: it drains and exits. With an error it was told nothing.
  Result<void> take_place();
  ~HandoverServer();
  HandoverServer(const HandoverServer&) = delete;
  HandoverServer& operator=(const HandoverServer&) = delete;

 private:
  HandoverServer(std::string socket_path, std::string bound_at, int listen_fd, int stop_fd, std::vector<int> descriptors,
                 std::function<void()> taken);
  void run();
  void remove_name() const;

  const std::string socket_path_;
  std::string bound_at_;     // where our socket file is now: hidden, then socket_path_
  std::uint64_t inode_ = 0;  // of that file
  int listen_fd_;
  int stop_fd_;
  std::vector<int> descriptors_;
  std::function<void()> taken_;
  bool given_away_ = false;  // of its own thread
  std::thread thread_;
};

}  // namespace evener::gateway
