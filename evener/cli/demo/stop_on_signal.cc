#include "evener/cli/demo/stop_on_signal.h"

#include <pthread.h>

#include <condition_variable>
#include <ctime>
#include <mutex>

namespace evener::cli::demo {

StopOnSignal::StopOnSignal() {
  sigset_t signals;
  sigemptyset(&signals);
  for (const int signal : {SIGINT, SIGTERM, SIGHUP}) sigaddset(&signals, signal);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  thread_ = std::jthread([this, signals](const std::stop_token& ended) {
    const timespec step{.tv_sec = 0, .tv_nsec = 50'000'000};
    while (!ended.stop_requested()) {
      if (::sigtimedwait(&signals, nullptr, &step) > 0) source_.request_stop();
    }
  });
}

void StopOnSignal::wait() const {
  std::mutex mutex;
  std::condition_variable_any changed;
  std::unique_lock lock(mutex);
  changed.wait(lock, source_.get_token(), [] { return false; });
}

}  // namespace evener::cli::demo
