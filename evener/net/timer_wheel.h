#pragma once
// A hashed wheel of lazy timers: 4096 slots of 10 ms. Arming a timer later than it already hangs costs nothing but a write to its owner's
// deadline: when its slot comes up, the owner says whether it is due or hangs itself in again. Timers fire up to 10 ms late, never early.

#include <array>
#include <cstdint>

#include "evener/core/time.h"

namespace evener::net {

class TimerWheel;

/// Base of whatever can hang in the wheel. Not copyable: the wheel links to it.
class TimerNode {
 public:
  TimerNode() = default;
  TimerNode(const TimerNode&) = delete;
  TimerNode& operator=(const TimerNode&) = delete;

  [[nodiscard]] bool hangs() const { return next_ != nullptr; }

 protected:
  ~TimerNode() { unlink(); }
  void unlink() {
    if (next_ == nullptr) return;
    prev_->next_ = next_;
    next_->prev_ = prev_;
    next_ = prev_ = nullptr;
  }
  /// Its slot has come up; it does not hang any more. It may be early (the wheel is finite): hang in again if so.
  virtual void expire(Instant now) = 0;

 private:
  friend class TimerWheel;
  TimerNode* next_ = nullptr;
  TimerNode* prev_ = nullptr;
  std::int64_t tick_ = 0;
};

/// Not thread-safe; one per reactor.
class TimerWheel {
 public:
  explicit TimerWheel(Instant now);
  TimerWheel(const TimerWheel&) = delete;
  TimerWheel& operator=(const TimerWheel&) = delete;
  ~TimerWheel();

  /// Makes sure that the node's slot comes up no later than `at` (to 10 ms) or the wheel's horizon of 40 s.
  void arm(TimerNode& node, Instant at);
  /// Expires every node whose slot has passed.
  void advance(Instant now);
  /// How long the owner may sleep before it must call advance() again: until the next occupied slot, at most one second, because only
  /// that far is looked ahead (a full scan on each turn of a busy loop would cost more than an idle wake-up per second).
  [[nodiscard]] Duration until_next(Instant now) const;

  static constexpr Duration Tick = std::chrono::milliseconds(10);

 private:
  static constexpr std::int64_t Slots = 4096;

  class Head final : public TimerNode {
    void expire(Instant) override {}
  };

  [[nodiscard]] static std::int64_t tick_of(Instant at) { return at.time_since_epoch() / Tick; }

  std::array<Head, Slots> slots_;
  // A bit per slot: set when a timer is hung in, cleared when the slot is found empty. So a set bit may lie, a clear one never does.
  mutable std::array<std::uint64_t, Slots / 64> maybe_occupied_{};
  std::int64_t tick_;  // slots up to and including this tick have been expired
};

}  // namespace evener::net
