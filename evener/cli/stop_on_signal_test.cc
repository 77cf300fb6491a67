#include "evener/cli/stop_on_signal.h"

#include <doctest/doctest.h>
#include <pthread.h>
#include <unistd.h>

namespace evener::cli {
namespace {

bool blocked(int signal) {
  sigset_t mask;
  pthread_sigmask(SIG_SETMASK, nullptr, &mask);
  return sigismember(&mask, signal) == 1;
}

TEST_CASE("each of the signals that end a program stops the run instead") {
  for (const int signal : {SIGINT, SIGTERM, SIGHUP}) {
    const StopOnSignal signals;
    CHECK(!signals.stopped());
    ::kill(::getpid(), signal);
    signals.wait();
    CHECK(signals.stopped());
    CHECK(signals.token().stop_requested());
  }
}

TEST_CASE("a second signal during the stop ends nothing") {
  const StopOnSignal signals;
  ::kill(::getpid(), SIGTERM);
  signals.wait();
  ::kill(::getpid(), SIGINT);
  ::kill(::getpid(), SIGTERM);
  CHECK(signals.stopped());
}

TEST_CASE("after the run the signals are what they were before") {
  const bool before = blocked(SIGTERM);
  {
    const StopOnSignal signals;
    CHECK(blocked(SIGTERM));
  }
  CHECK(blocked(SIGTERM) == before);
}

}  // namespace
}  // namespace evener::cli
