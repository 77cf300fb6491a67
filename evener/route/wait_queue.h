#pragma once
// WaitQueue: requests that wait for capacity, in the order of their arrival. It keeps order and tickets; who may go is decided elsewhere.

#include <cstddef>
#include <cstdint>
#include <deque>
#include <span>
#include <vector>

#include "evener/route/scheduler.h"

namespace evener::route {

/// Not thread-safe.
class WaitQueue {
 public:
  struct Waiting {
    Arrival arrival;
    std::vector<EndpointId> tried;  // of a request that was lost elsewhere: it waits for another than these
    Instant since{};
    std::uint64_t ticket = 0;
    bool gone = false;
  };

  /// The ticket of the request; tickets are never reused.
  std::uint64_t push(const Arrival& arrival, Instant now, std::span<const EndpointId> tried = {});
  /// False when the ticket is not waiting (any more). O(log n).
  bool remove(std::uint64_t ticket);
  [[nodiscard]] std::size_t size() const { return size_; }
  /// Places in memory, including those of requests that left: at most 2 * size() + TidyAt.
  [[nodiscard]] std::size_t places() const { return entries_.size(); }
  static constexpr std::size_t TidyAt = 64;

  enum class Next : std::uint8_t { Keep, Take, Stop };
  /// Shows the waiting requests in order; `decide(const Waiting&)` says whether each stays, leaves, or whether to look no further.
  template <class Decide>
  void visit(Decide decide) {
    for (Waiting& waiting : entries_) {
      if (waiting.gone) continue;
      const Next next = decide(static_cast<const Waiting&>(waiting));
      if (next == Next::Stop) break;
      if (next == Next::Take) drop(waiting);
    }
    tidy();
  }

 private:
  void drop(Waiting& waiting);
  /// Frees the places of requests that left.
  void tidy();

  std::deque<Waiting> entries_;  // by ticket
  std::size_t size_ = 0;
  std::uint64_t next_ticket_ = 1;
};

}  // namespace evener::route
