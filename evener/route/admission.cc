#include "evener/route/admission.h"

#include <algorithm>
#include <cmath>

namespace evener::route {
namespace {

constexpr std::size_t FewPlaces = 4;   // fewer are not shared out
constexpr double BytesPerToken = 4.0;  // where nobody counted: English text, roughly

}  // namespace

std::string_view priority_name(Priority priority) {
  switch (priority) {
    case Priority::Realtime: return "realtime";
    case Priority::Standard: return "standard";
    case Priority::Batch: return "batch";
    case Priority::Background: return "background";
  }
  return "unknown";
}

Slots count_slots(std::span<const EndpointView> endpoints, std::span<const std::uint32_t> indices) {
  Slots slots;
  for (const std::uint32_t index : indices) {
    const EndpointView& endpoint = endpoints[index];
    if (endpoint.capacity == 0) return {.unlimited = true};
    slots.total += endpoint.capacity;
    slots.free += endpoint.capacity - std::min(endpoint.capacity, endpoint.in_flight);
  }
  return slots;
}

std::uint64_t reserved_slots(const ClassesSettings& classes, Priority priority, std::uint64_t total) {
  double share = 0;
  for (std::size_t i = 0; i < static_cast<std::size_t>(priority); ++i) share += classes[i].reserve;
  if (share <= 0 || total == 0) return 0;
  // A share such as 0.3 of 10 must not become 4 because of its last binary digit.
  const auto reserved = static_cast<std::uint64_t>(std::ceil(share * static_cast<double>(total) - 1e-9));
  return std::min(reserved, total - 1);
}

bool may_take_slot(const ClassesSettings& classes, Priority priority, const Slots& slots) {
  return slots.unlimited || slots.free > reserved_slots(classes, priority, slots.total);
}

bool any_reserve(const ClassesSettings& classes) {
  return std::any_of(classes.begin(), classes.end(), [](const ClassSettings& one) { return one.reserve > 0; });
}

std::size_t kept_places(std::size_t places) {
  return places < FewPlaces ? 0 : (places + FairQueue::PromotedTurn - 1) / FairQueue::PromotedTurn;
}

QueueAhead ahead_of(const FairQueue& queue, Priority priority, std::uint64_t tenant) {
  QueueAhead ahead = ahead_of_last(queue, priority);
  const std::size_t own = queue.waiting(priority, tenant);
  const std::size_t others = queue.tenants_waiting(priority) - (own > 0 ? 1 : 0);
  ahead.same_class = std::min(ahead.same_class, own + others * (own + 1));
  return ahead;
}

QueueAhead ahead_of_last(const FairQueue& queue, Priority priority) {
  QueueAhead ahead;
  for (std::size_t i = 0; i < static_cast<std::size_t>(priority); ++i) ahead.more_urgent += queue.waiting(static_cast<Priority>(i));
  ahead.same_class = queue.waiting(priority);
  return ahead;
}

Duration predicted_first_token(const RequestView& request, std::span<const EndpointView> endpoints, std::span<const std::uint32_t> indices,
                               double pool_latency_s) {
  double best = 0;
  for (const std::uint32_t index : indices) {
    const SpeedView& speed = endpoints[index].speed;
    const double predicted = speed.base_s + speed.prefill_s_per_token * static_cast<double>(request.prompt_tokens);
    if (predicted > 0 && (best == 0 || predicted < best)) best = predicted;
  }
  // The formula knows nothing of prefix caches, the mean nothing of this prompt: the kinder of the two, as a wrong refusal is worse than a late answer.
  if (pool_latency_s > 0 && (best == 0 || pool_latency_s < best)) best = pool_latency_s;
  return from_seconds(best);
}

std::uint32_t token_cost(const RequestView& request, const Share& share) {
  const double prompt =
      request.prompt_tokens > 0 ? static_cast<double>(share.uncached_tokens) : static_cast<double>(request.prompt_bytes) / BytesPerToken;
  return static_cast<std::uint32_t>(std::clamp(prompt + static_cast<double>(share.output_tokens), 1.0, 4e9));
}

}  // namespace evener::route
