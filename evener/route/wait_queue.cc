#include "evener/route/wait_queue.h"

#include <algorithm>

namespace evener::route {

std::uint64_t WaitQueue::push(const Arrival& arrival, Instant now, std::span<const EndpointId> tried) {
  entries_.push_back({.arrival = arrival, .tried = {tried.begin(), tried.end()}, .since = now, .ticket = next_ticket_});
  ++size_;
  return next_ticket_++;
}

bool WaitQueue::remove(std::uint64_t ticket) {
  const auto found = std::lower_bound(entries_.begin(), entries_.end(), ticket,
                                      [](const Waiting& waiting, std::uint64_t wanted) { return waiting.ticket < wanted; });
  if (found == entries_.end() || found->ticket != ticket || found->gone) return false;
  drop(*found);
  tidy();
  return true;
}

void WaitQueue::drop(Waiting& waiting) {
  waiting.gone = true;
  --size_;
}

void WaitQueue::tidy() {
  while (!entries_.empty() && entries_.front().gone) entries_.pop_front();
  if (entries_.size() > 2 * size_ + TidyAt) std::erase_if(entries_, [](const Waiting& waiting) { return waiting.gone; });
}

}  // namespace evener::route
