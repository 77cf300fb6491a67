#include "evener/net/reactor.h"

#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstdlib>

#include "evener/net/socket.h"

namespace evener::net {
namespace {

[[noreturn]] void die(const char* what) {
  std::perror(what);
  std::abort();
}

}  // namespace

Reactor::Reactor() : now_(monotonic_now()), timers_(now_) {
  epoll_fd_ = ::epoll_create1(EPOLL_CLOEXEC);
  if (epoll_fd_ < 0) die("epoll_create1");
  wake_fd_ = ::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
  if (wake_fd_ < 0) die("eventfd");
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.ptr = nullptr;  // the wake descriptor
  if (::epoll_ctl(epoll_fd_, EPOLL_CTL_ADD, wake_fd_, &event) != 0) die("epoll_ctl");
}

Reactor::~Reactor() {
  // Tasks that were spawned but never got to run, or still hold sockets: give them the same end as a stop.
  if (live_tasks_ > 0) {
    stop();
    run();
  }
  graveyard_.clear();
  ::close(wake_fd_);
  ::close(epoll_fd_);
}

Detached Reactor::run_detached(Task<> task) {
  ++live_tasks_;
  co_await task;
  --live_tasks_;
}

void Reactor::spawn(Task<> task) { run_detached(std::move(task)); }

void Reactor::stop() {
  stop_requested_.store(true, std::memory_order_release);
  post([] {});
}

void Reactor::post(std::function<void()> function) {
  {
    const std::lock_guard lock(posted_mutex_);
    posted_.push_back(std::move(function));
  }
  if (!wake_pending_.exchange(true, std::memory_order_acq_rel)) {
    const std::uint64_t one = 1;
    [[maybe_unused]] const auto written = ::write(wake_fd_, &one, sizeof one);
  }
}

void Reactor::run() {
  while (!stop_requested_.load(std::memory_order_acquire)) turn(true);
  stopping_ = true;
  const Instant give_up = monotonic_now() + std::chrono::seconds(5);
  while (live_tasks_ > 0 && now_ < give_up) {
    cancel_everything();
    turn(live_tasks_ > 0);
  }
  run_posted();
}

void Reactor::turn(bool may_sleep) {
  std::array<epoll_event, EventsMax> events;  // NOLINT: filled by the kernel
  int timeout_ms = 0;
  if (may_sleep && ready_.empty() && sends_.empty()) {
    const auto until = std::chrono::ceil<std::chrono::milliseconds>(timers_.until_next(now_));
    timeout_ms = stopping_ ? 1 : static_cast<int>(until.count());
  }
  const int count = ::epoll_wait(epoll_fd_, events.data(), EventsMax, timeout_ms);
  if (count < 0 && errno != EINTR) die("epoll_wait");
  now_ = monotonic_now();
  bool woken = false;
  for (int i = 0; i < count; ++i) {
    const epoll_event& event = events[static_cast<std::size_t>(i)];
    if (event.data.ptr == nullptr) {
      woken = true;
      continue;
    }
    static_cast<SocketState*>(event.data.ptr)->on_events(event.events);
  }
  if (woken) {
    std::uint64_t ignored = 0;
    [[maybe_unused]] const auto got = ::read(wake_fd_, &ignored, sizeof ignored);
    wake_pending_.store(false, std::memory_order_release);
    run_posted();
  }
  timers_.advance(now_);
  run_ready();
  run_sends();
  for (auto& hook : turn_hooks_) hook(now_);
  // What waits for the next turn must not name a socket that is about to go.
  if (!sends_.empty()) std::erase_if(sends_, [](const PendingSend& send) { return send.socket->writer != send.operation; });
  graveyard_.clear();
}

void Reactor::run_posted() {
  std::vector<std::function<void()>> functions;
  {
    const std::lock_guard lock(posted_mutex_);
    functions.swap(posted_);
  }
  for (auto& function : functions) function();
}

void Reactor::run_ready() {
  // Only what is ready now: what these coroutines make ready waits for the next turn, so that the loop cannot starve its sockets.
  resuming_.swap(ready_);
  for (const std::coroutine_handle<> waiter : resuming_) {
    operations_left_ = SocketState::OperationsPerResume;
    waiter.resume();
  }
  resuming_.clear();
}

void Reactor::run_sends() {
  // All sends of a turn leave together, after everything that came in has been looked at. A peer that sleeps is then woken by the first
  // of them and finds the others when it runs; sent one by one, each could find it asleep again, and waking is the dearest part of a send.
  // Coroutines that are resumed here may send again. That is bounded: one that copies from a fast peer to a fast peer would never let the
  // loop look at the others.
  for (int round = 0; round < SendRoundsPerTurn && !sends_.empty(); ++round) {
    sending_.swap(sends_);
    for (const PendingSend& send : sending_) {
      if (send.socket->writer != send.operation) continue;  // cancelled, or its socket closed
      if (!send.operation->attempt(*send.operation, *send.socket)) {
        send.socket->arm_write();
        continue;
      }
      send.socket->writer = nullptr;
      operations_left_ = SocketState::OperationsPerResume;
      send.operation->waiter.resume();
    }
    sending_.clear();
  }
}

void Reactor::cancel_everything() {
  for (SocketState* socket = sockets_; socket != nullptr; socket = socket->next_open) socket->cancel();
  while (waiting_events_ != nullptr) waiting_events_->cancel();
}

void Reactor::bury(std::unique_ptr<SocketState> dead) { graveyard_.push_back(std::move(dead)); }

Task<bool> Reactor::sleep(Duration duration) {
  Event event(*this);
  const Event::Result result = co_await event.wait_until(now_ + duration);
  co_return result == Event::Result::TimedOut;
}

Event::~Event() {
  if (prev_waiting_ != nullptr) unlink_waiting();
}

bool Event::Wait::await_ready() const noexcept {
  if (event.finished_) return true;
  if (interruptible && event.reactor_.stopping_) {
    event.result_ = Result::Cancelled;
    event.finished_ = true;
    return true;
  }
  return false;
}

void Event::Wait::await_suspend(std::coroutine_handle<> waiter) const noexcept {
  event.waiter_ = waiter;
  event.deadline_ = deadline;
  if (interruptible) event.link();
  if (deadline != Instant::max()) event.reactor_.timers_.arm(event, deadline);
}

Event::Result Event::Wait::await_resume() const noexcept {
  event.finished_ = false;
  return event.result_;
}

void Event::finish(Result result) {
  if (finished_) {
    // Its waiter is about to run because of a time-out or a cancellation: a message that still comes before it does is not lost.
    if (result == Result::Set) result_ = result;
    return;
  }
  finished_ = true;
  result_ = result;
  if (!waiter_) return;
  if (prev_waiting_ != nullptr) unlink_waiting();
  unlink();
  reactor_.ready_.push_back(std::exchange(waiter_, nullptr));
}

void Event::expire(Instant now) {
  if (now < deadline_) {
    reactor_.timers_.arm(*this, deadline_);
  } else {
    finish(Result::TimedOut);
  }
}

void Event::link() {
  next_waiting_ = reactor_.waiting_events_;
  prev_waiting_ = &reactor_.waiting_events_;
  if (next_waiting_ != nullptr) next_waiting_->prev_waiting_ = &next_waiting_;
  reactor_.waiting_events_ = this;
}

void Event::unlink_waiting() {
  *prev_waiting_ = next_waiting_;
  if (next_waiting_ != nullptr) next_waiting_->prev_waiting_ = prev_waiting_;
  prev_waiting_ = nullptr;
  next_waiting_ = nullptr;
}

}  // namespace evener::net
