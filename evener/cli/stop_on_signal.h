#pragma once
// Ctrl-C and its like as a stop token, so that a run ends in order: a terminal is given back, temporary files go, what was measured is told.

#include <signal.h>

#include <stop_token>
#include <thread>

namespace evener::cli {

/// SIGINT, SIGTERM and SIGHUP while it lives; afterwards they do what they did before. Make it before any other thread: those inherit that
/// these signals are not theirs.
class StopOnSignal {
 public:
  StopOnSignal();
  ~StopOnSignal();
  StopOnSignal(const StopOnSignal&) = delete;
  StopOnSignal& operator=(const StopOnSignal&) = delete;

  [[nodiscard]] std::stop_token token() const { return source_.get_token(); }
  [[nodiscard]] bool stopped() const { return source_.stop_requested(); }
  /// Blocks until a signal has come.
  void wait() const;

 private:
  sigset_t before_{};
  std::stop_source source_;
  std::jthread thread_;
};

}  // namespace evener::cli
