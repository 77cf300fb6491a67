#include "evener/net/precise_timer.h"

#include <sys/timerfd.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>

namespace evener::net {
namespace {

int open_timer() {
  const int fd = ::timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
  if (fd >= 0) return fd;
  std::perror("timerfd_create");
  std::abort();
}

}  // namespace

PreciseTimer::PreciseTimer(Reactor& reactor) : socket_(reactor, open_timer()) {}

Task<bool> PreciseTimer::wait_until(Instant at) {
  const auto since = std::max<std::int64_t>(at.time_since_epoch().count(), 1);  // 0 would disarm
  itimerspec when{};
  when.it_value.tv_sec = since / 1'000'000'000;
  when.it_value.tv_nsec = since % 1'000'000'000;
  if (::timerfd_settime(socket_.fd(), TFD_TIMER_ABSTIME, &when, nullptr) != 0) co_return false;
  for (;;) {
    if (co_await socket_.wait_readable() < 0) co_return false;
    std::uint64_t expirations = 0;
    const auto got = ::read(socket_.fd(), &expirations, sizeof expirations);
    socket_.input_drained();
    if (got == sizeof expirations) co_return true;
  }
}

}  // namespace evener::net
