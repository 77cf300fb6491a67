#pragma once
// Reactor: one thread's event loop over epoll, with coroutines. Sockets register once, edge-triggered; operations try the system call
// first and suspend only when it would block. Share-nothing: each worker thread has its own, and only post() and stop() may be called
// from other threads.

#include <atomic>
#include <coroutine>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <vector>

#include "evener/base/clock.h"
#include "evener/core/time.h"
#include "evener/net/task.h"
#include "evener/net/timer_wheel.h"

namespace evener::net {

struct Operation;
struct SocketState;
class Event;

class Reactor {
 public:
  Reactor();
  ~Reactor();
  Reactor(const Reactor&) = delete;
  Reactor& operator=(const Reactor&) = delete;

  /// Runs until stop(); then cancels every pending operation and goes on until all spawned tasks have ended (at most 5 s).
  void run();
  /// Any thread.
  void stop();
  /// Any thread: runs the function on the reactor's thread, in order.
  void post(std::function<void()> function);

  /// Monotonic time as of this turn of the loop.
  [[nodiscard]] Instant now() const { return now_; }
  /// Starts a task that nobody awaits. On the reactor's thread, or before run().
  void spawn(Task<> task);
  [[nodiscard]] std::uint32_t live_tasks() const { return live_tasks_; }
  [[nodiscard]] bool stopping() const { return stopping_; }

  /// Called at the end of every turn, before the loop may sleep. For flushing logs and picking up published snapshots.
  void on_turn(std::function<void(Instant)> hook) { turn_hooks_.push_back(std::move(hook)); }

  /// Suspends for the duration; false when the reactor stops before.
  Task<bool> sleep(Duration duration);

 private:
  friend class Socket;
  friend class Event;
  friend struct SocketState;

  Detached run_detached(Task<> task);
  void turn(bool may_sleep);
  void handle_events(int count);
  void run_posted();
  void run_ready();
  void run_sends();
  void cancel_everything();
  void bury(std::unique_ptr<SocketState> dead);

  static constexpr int EventsMax = 256;
  static constexpr int SendRoundsPerTurn = 4;  // of one block each in a relay: 64 KiB

  struct PendingSend {
    SocketState* socket;
    Operation* operation;
  };

  int epoll_fd_ = -1;
  int wake_fd_ = -1;
  Instant now_;
  TimerWheel timers_;
  std::vector<PendingSend> sends_;                       // started in this turn; see run_sends()
  std::vector<PendingSend> sending_;
  std::vector<std::coroutine_handle<>> ready_;           // resumed later in this turn
  std::vector<std::coroutine_handle<>> resuming_;
  std::vector<std::unique_ptr<SocketState>> graveyard_;  // closed in this turn: events of the same batch may still name them
  std::vector<std::function<void(Instant)>> turn_hooks_;
  SocketState* sockets_ = nullptr;                       // all that are open
  Event* waiting_events_ = nullptr;                      // all that are waited for
  std::uint32_t live_tasks_ = 0;
  std::uint32_t operations_left_ = 0;                    // of the coroutine that runs now; see Socket
  bool stopping_ = false;

  std::atomic<bool> stop_requested_{false};
  std::mutex posted_mutex_;
  std::vector<std::function<void()>> posted_;
  std::atomic<bool> wake_pending_{false};
};

/// Something one coroutine can wait for until a deadline and another (on the same thread) can set. Also the sleeping primitive.
class Event final : private TimerNode {
 public:
  explicit Event(Reactor& reactor) : reactor_(reactor) {}
  ~Event();

  enum class Result : std::uint8_t { Set, TimedOut, Cancelled };

  /// Wakes the waiter (later in this turn), or lets the next wait return at once. Outdoes a cancellation or time-out that the waiter has
  /// not been told yet.
  void set() { finish(Result::Set); }
  /// Wakes the waiter with Cancelled.
  void cancel() { finish(Result::Cancelled); }

  struct Wait {
    Event& event;
    Instant deadline;
    bool interruptible = true;
    [[nodiscard]] bool await_ready() const noexcept;
    void await_suspend(std::coroutine_handle<> waiter) const noexcept;
    Result await_resume() const noexcept;
  };
  /// One waiter at a time. Instant::max() waits without limit.
  Wait wait_until(Instant deadline) { return Wait{*this, deadline}; }
  /// Waits for set() alone, also while the reactor stops: for a message that is certain to come.
  Wait wait_uninterrupted() { return Wait{*this, Instant::max(), false}; }

 private:
  friend class Reactor;
  void finish(Result result);
  void expire(Instant now) override;
  void link();
  void unlink_waiting();

  Reactor& reactor_;
  std::coroutine_handle<> waiter_;
  Instant deadline_ = Instant::max();
  Result result_ = Result::Set;
  bool finished_ = false;
  Event* next_waiting_ = nullptr;
  Event** prev_waiting_ = nullptr;
};

}  // namespace evener::net
