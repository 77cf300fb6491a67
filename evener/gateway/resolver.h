#pragma once
// Resolver: looks names up on a thread of its own, because the system's resolver blocks.

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "evener/core/result.h"
#include "evener/net/address.h"

namespace evener::gateway {

class Resolver {
 public:
  using Done = std::function<void(Result<std::vector<net::Address>>)>;
  /// Questions waiting at one time; one more is answered with an error at once.
  static constexpr std::size_t PendingMax = 10000;

  Resolver();
  /// Drops what was not yet looked up; waits for the look-up in progress.
  ~Resolver();
  Resolver(const Resolver&) = delete;
  Resolver& operator=(const Resolver&) = delete;

  /// Any thread. `done` is called on the resolver's thread. IP literals are answered too.
  void resolve(std::string host, std::uint16_t port, Done done);

 private:
  void run();
  struct Question {
    std::string host;
    std::uint16_t port;
    Done done;
  };
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Question> questions_;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace evener::gateway
