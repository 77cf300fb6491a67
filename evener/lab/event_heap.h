#pragma once
// EventHeap: what happens next in virtual time. Events of one instant come out in the order in which they were put in, so that a run
// depends on nothing but its inputs. A 4-ary heap: half as deep as a binary one, and the four children share a cache line or two.

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "evener/core/time.h"

namespace evener::lab {

/// Not thread-safe. push and pop O(log n). There is no way to take an event back: its owner ignores it when it comes.
template <class What>
class EventHeap {
 public:
  struct Event {
    Instant at{};
    std::uint64_t sequence = 0;
    What what{};
    [[nodiscard]] bool before(const Event& other) const { return at != other.at ? at < other.at : sequence < other.sequence; }
  };

  void push(Instant at, What what) {
    std::size_t hole = events_.size();
    Event event{.at = at, .sequence = next_sequence_++, .what = std::move(what)};
    events_.emplace_back();
    while (hole > 0) {
      const std::size_t parent = (hole - 1) / Arity;
      if (!event.before(events_[parent])) break;
      events_[hole] = std::move(events_[parent]);
      hole = parent;
    }
    events_[hole] = std::move(event);
  }

  [[nodiscard]] bool empty() const { return events_.empty(); }
  [[nodiscard]] std::size_t size() const { return events_.size(); }
  /// The earliest event; only when not empty.
  [[nodiscard]] const Event& top() const { return events_.front(); }

  Event pop() {
    Event earliest = std::move(events_.front());
    Event last = std::move(events_.back());
    events_.pop_back();
    if (events_.empty()) return earliest;
    std::size_t hole = 0;
    for (;;) {
      const std::size_t first = hole * Arity + 1;
      if (first >= events_.size()) break;
      const std::size_t end = first + Arity < events_.size() ? first + Arity : events_.size();
      std::size_t least = first;
      for (std::size_t child = first + 1; child < end; ++child) {
        if (events_[child].before(events_[least])) least = child;
      }
      if (!events_[least].before(last)) break;
      events_[hole] = std::move(events_[least]);
      hole = least;
    }
    events_[hole] = std::move(last);
    return earliest;
  }

 private:
  static constexpr std::size_t Arity = 4;
  std::vector<Event> events_;
  std::uint64_t next_sequence_ = 0;
};

}  // namespace evener::lab
