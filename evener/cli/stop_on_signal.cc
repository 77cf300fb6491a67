#include "evener/cli/stop_on_signal.h"

#include <pthread.h>

#include <condition_variable>
#include <ctime>
#include <mutex>

namespace evener::cli {
namespace {

sigset_t stop_signals() {
  sigset_t signals;
  sigemptyset(&signals);
  for (const int signal : {SIGINT, SIGTERM, SIGHUP}) sigaddset(&signals, signal);
  return signals;
}

}  // namespace

StopOnSignal::StopOnSignal() {
  const sigset_t signals = stop_signals();
  pthread_sigmask(SIG_BLOCK, &signals, &before_);
  thread_ = std::jthread([this, signals](const std::stop_token& ended) {
    const timespec step{.tv_sec = 0, .tv_nsec = 50'000'000};
    while (!ended.stop_requested()) {
      if (::sigtimedwait(&signals, nullptr, &step) > 0) source_.request_stop();
    }
  });
}

StopOnSignal::~StopOnSignal() {
  thread_.request_stop();
  thread_.join();
  // An impatient second Ctrl-C meant this run, not what comes after it.
  const sigset_t signals = stop_signals();
  const timespec now{.tv_sec = 0, .tv_nsec = 0};
  while (::sigtimedwait(&signals, nullptr, &now) > 0) {}
  pthread_sigmask(SIG_SETMASK, &before_, nullptr);
}

void StopOnSignal::wait() const {
  std::mutex mutex;
  std::condition_variable_any changed;
  std::unique_lock lock(mutex);
  changed.wait(lock, source_.get_token(), [] { return false; });
}

}  // namespace evener::cli
