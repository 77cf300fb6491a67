#pragma once
// Admission: the arithmetic of who may have a slot, and of how long somebody would wait: reserves for urgent classes, and predictions that make an
// early refusal honest. Functions over values; the queue and the scheduler act on what they say.

#include <cstddef>
#include <cstdint>
#include <span>

#include "evener/route/admission_settings.h"
#include "evener/route/fair_queue.h"
#include "evener/route/queue_pace.h"
#include "evener/route/view.h"

namespace evener::route {

/// Places for requests in flight at some endpoints.
struct Slots {
  bool unlimited = false;  // one of the endpoints has no capacity that is known
  std::uint64_t total = 0;
  std::uint64_t free = 0;
};
/// O(indices).
[[nodiscard]] Slots count_slots(std::span<const EndpointView> endpoints, std::span<const std::uint32_t> indices);

/// Slots that requests of a class leave free for the more urgent ones: the sum of the reserves of these, rounded up, but never all. It is a trunk
/// reservation as in telephony: what counts is how many are free, not who holds the others, so under pressure the least urgent class stops first,
/// then the next, and an urgent request finds a free slot without any bookkeeping of who has how many.
[[nodiscard]] std::uint64_t reserved_slots(const ClassesSettings& classes, Priority priority, std::uint64_t total);
[[nodiscard]] bool may_take_slot(const ClassesSettings& classes, Priority priority, const Slots& slots);
/// Whether any class leaves slots free at all, so that slots have to be counted.
[[nodiscard]] bool any_reserve(const ClassesSettings& classes);

/// Of the places in a queue that a class and the less urgent ones share, those that it leaves to these: as large a share as they get of the turns
/// when they are promoted, which they have to live to see. None where there are fewer than four.
[[nodiscard]] std::size_t kept_places(std::size_t places);

/// Waiting requests that would go before a newcomer. Within its class that is at most one more of each tenant than it has waiting itself.
[[nodiscard]] QueueAhead ahead_of(const FairQueue& queue, Priority priority, std::uint64_t tenant);
/// Before one that came last in its class, whoever sent it.
[[nodiscard]] QueueAhead ahead_of_last(const FairQueue& queue, Priority priority);

/// Least first-token latency to expect on one of the endpoints once a slot is free there; 0 = nothing is known. O(indices).
[[nodiscard]] Duration predicted_first_token(const RequestView& request, std::span<const EndpointView> endpoints,
                                             std::span<const std::uint32_t> indices, double pool_latency_s);

/// What a request is charged: the tokens that an endpoint works on for it.
[[nodiscard]] std::uint32_t token_cost(const RequestView& request, const Share& share);

}  // namespace evener::route
