#include "evener/net/timer_wheel.h"

#include <algorithm>
#include <bit>

namespace evener::net {

TimerWheel::TimerWheel(Instant now) : tick_(tick_of(now)) {
  for (Head& head : slots_) head.next_ = head.prev_ = &head;
}

TimerWheel::~TimerWheel() {
  for (Head& head : slots_) {
    while (head.next_ != &head) head.next_->unlink();
  }
}

void TimerWheel::arm(TimerNode& node, Instant at) {
  // Rounded up, so that a timer never fires early; the horizon keeps a far one within one turn of the wheel.
  const std::int64_t wanted = std::clamp(tick_of(at) + 1, tick_ + 1, tick_ + Slots - 1);
  if (node.next_ != nullptr) {
    if (node.tick_ <= wanted) return;
    node.unlink();
  }
  const auto slot = static_cast<std::size_t>(wanted % Slots);
  Head& head = slots_[slot];
  maybe_occupied_[slot / 64] |= std::uint64_t{1} << (slot % 64);
  node.tick_ = wanted;
  node.prev_ = head.prev_;
  node.next_ = &head;
  head.prev_->next_ = &node;
  head.prev_ = &node;
}

void TimerWheel::advance(Instant now) {
  const std::int64_t target = tick_of(now);
  // After a long pause every slot is looked at once, not once per missed turn.
  if (target - tick_ > Slots) tick_ = target - Slots;
  while (tick_ < target) {
    ++tick_;
    Head& head = slots_[static_cast<std::size_t>(tick_ % Slots)];
    while (head.next_ != &head) {
      TimerNode& node = *head.next_;
      node.unlink();
      node.expire(now);
    }
  }
}

Duration TimerWheel::until_next(Instant now) const {
  constexpr std::int64_t LookAhead = std::chrono::seconds(1) / Tick;
  std::int64_t ahead = 1;
  while (ahead < LookAhead) {
    const auto slot = static_cast<std::size_t>((tick_ + ahead) % Slots);
    const std::uint64_t rest = maybe_occupied_[slot / 64] >> (slot % 64);
    if (rest == 0) {
      ahead += static_cast<std::int64_t>(64 - slot % 64);
      continue;
    }
    ahead += std::countr_zero(rest);
    const auto found = static_cast<std::size_t>((tick_ + ahead) % Slots);
    if (slots_[found].next_ != &slots_[found]) break;
    maybe_occupied_[found / 64] &= ~(std::uint64_t{1} << (found % 64));
    ++ahead;
  }
  ahead = std::min(ahead, LookAhead);
  return std::max(Duration::zero(), Instant((tick_ + ahead) * Tick) - now);
}

}  // namespace evener::net
