// The scheduler's waiting room: who is let in, who has to leave it, and whose turn it is.

#include <algorithm>
#include <iterator>

#include "evener/core/hashing.h"
#include "evener/route/scheduler_state.h"

namespace evener::route {
namespace {

Duration objective_of(const RequestView& request, const ClassSettings& rules) {
  return request.first_token_objective > Duration::zero() ? request.first_token_objective : rules.first_token_objective;
}

}  // namespace

void Scheduler::State::queue_rules_changed() {
  reserves = any_reserve(settings.admission.classes);
  queue.set_weights(settings.admission.tenants);
  queue.reschedule([this](const FairQueue::Waiting& waiting) { return expiry_of(waiting); });
}

Instant Scheduler::State::expiry_of(const FairQueue::Waiting& waiting) const {
  const Duration of_class = settings.admission.of(waiting.arrival.request.priority).wait_max;
  const Duration wait_max = of_class > Duration::zero() ? of_class : settings.queue.wait_max;
  return std::min(waiting.since + wait_max, waiting.useful_until);
}

// Requests of one lane can use the same endpoints. One that was lost elsewhere waits for others than those it tried.
std::uint64_t Scheduler::State::lane_of(const RequestView& request, const Reach& reach, std::span<const EndpointId> tried) const {
  std::uint64_t lane = request.model;
  for (const EndpointId id : tried) lane = hash_combine(lane, static_cast<std::uint64_t>(id));
  if (!reach.limited) return lane;
  for (const std::uint32_t index : reach.group->members) {
    if (fits(reach, request, index)) lane = hash_combine(lane, ~static_cast<std::uint64_t>(book[index].id));
  }
  return lane;
}

bool Scheduler::State::may_take_slot(const Reach& reach, const Selection& selection, Priority priority) {
  if (!reserves || priority == Priority::Realtime) return true;
  std::span<const std::uint32_t> slots = reach.usable;
  if (externals > 0) {  // slots elsewhere make those of the pool's own endpoints no less scarce
    slots_counted.clear();
    std::copy_if(slots.begin(), slots.end(), std::back_inserter(slots_counted),
                 [&](std::uint32_t index) { return states[index].spills_over() == selection.spilled; });
    slots = slots_counted;
  }
  return route::may_take_slot(settings.admission.classes, priority, count_slots(book.endpoints(), slots));
}

// Going ---------------------------------------------------------------------------------------------------------------------------------

Dispatch Scheduler::State::send(const Arrival& arrival, const Reach& reach, std::span<const EndpointId> tried, const Selection& selection) {
  const RequestView& request = arrival.request;
  Dispatch sent = dispatch(arrival, reach, tried, selection);
  sent.share.priority = request.priority;
  sent.share.tenant = request.tenant;
  sent.share.charge = token_cost(request, sent.share);
  if (settings.admission.preempt && request.priority == Priority::Background && arrival.cookie != 0 && arrival.preemptible) {
    sent.share.preemptible = ++preemptible_made;
    preemptible.emplace(sent.share.preemptible, Preemptible{.endpoint = sent.endpoint, .cookie = arrival.cookie});
  }
  return sent;
}

Dispatch Scheduler::State::send_at_once(const Arrival& arrival, const Reach& reach, std::span<const EndpointId> tried,
                                        const Selection& selection) {
  const Dispatch sent = send(arrival, reach, tried, selection);
  if (queue.size() > 0) pace.came(arrival.request.priority);
  queue.charge(arrival.request.priority, arrival.request.tenant, sent.share.charge);
  return sent;
}

void Scheduler::State::begin_hedging(Dispatch& sent, const RequestView& request) {
  hedging.sent(sent.share.charge);
  if (!request.stream || states.size() < 2) return;  // what is not streamed comes as a whole, and how long that is says nothing
  sent.hedge_after = hedging.delay().value_or(Duration::zero());
}

Decision Scheduler::State::hedge(const Arrival& arrival, const Reach& reach, std::span<const EndpointId> tried) {
  if (!hedging.allowed()) return Refusal{.reason = RefusalReason::RetryBudget};
  const Selection selection = select(reach, arrival.request, tried);
  const bool room = queue.size() == 0 && !selection.candidates.empty() && may_take_slot(reach, selection, arrival.request.priority);
  if (!room) return Refusal{.reason = RefusalReason::QueueFull};
  const Dispatch sent = send_at_once(arrival, reach, tried, selection);
  hedging.hedged(sent.share.charge);
  return sent;
}

void Scheduler::State::settle(const Outcome& outcome) {
  Share share = outcome.share;
  no_longer_preemptible(share);
  if (share.charge == 0) return;  // a share that no dispatch made
  double actual = share.charge;
  if (outcome.usage) {
    const TokenUsage& usage = *outcome.usage;
    const std::uint32_t cached = std::min(usage.cached_tokens.value_or(0), usage.prompt_tokens);
    actual = static_cast<double>(usage.prompt_tokens - cached) + static_cast<double>(usage.output_tokens);
  } else if (share.awaits_first_token && outcome.ending != Ending::Ok && outcome.ending != Ending::Cancelled) {
    actual = 0;  // it got nothing for it. A client that leaves pays what it asked for, or leaving early would be free work.
  }
  queue.correct(share.priority, share.tenant, actual - static_cast<double>(share.charge));
}

void Scheduler::State::no_longer_preemptible(Share& share) {
  if (share.preemptible == 0) return;
  preemptible.erase(share.preemptible);
  share.preemptible = 0;
}

// Waiting -------------------------------------------------------------------------------------------------------------------------------

Decision Scheduler::State::enqueue(const Arrival& arrival, const Reach& reach, std::span<const EndpointId> tried) {
  const RequestView& request = arrival.request;
  const Priority priority = request.priority;
  const ClassSettings& rules = settings.admission.of(priority);
  const std::uint32_t places = settings.queue.requests_max;

  // A tenant that has its share of the places may still put an urgent request in the place of one of its own: its jobs must not shut out its users.
  const FairQueue::Waiting* yielding = nullptr;
  if (request.tenant != 0) {
    const double share = settings.admission.tenant_share_max * static_cast<double>(places);
    if (static_cast<double>(queue.waiting_of(request.tenant)) >= std::max(share, 1.0)) {
      yielding = least_urgent_of(request.tenant, priority);
      if (yielding == nullptr) return Refusal{.reason = RefusalReason::TenantShare, .retry_after = wait_of_last(priority)};
    }
  }
  if (rules.waiting_max > 0 && queue.waiting(priority) >= rules.waiting_max) {
    return Refusal{.reason = RefusalReason::QueueFull, .retry_after = wait_of_last(priority)};
  }

  const Duration objective = objective_of(request, rules);
  const Instant came = arrival.came == Instant{} ? now : arrival.came;
  FairQueue::Waiting waiting{
      .arrival = arrival, .tried = {tried.begin(), tried.end()}, .lane = lane_of(request, reach, tried), .since = now - arrival.waited};
  const ExternalWait external = external_wait(reach, request, tried);
  if (external.too_long(expiry_of(waiting))) return refuse_external(external);
  if (objective > Duration::zero() && rules.refuse_late) {
    const Duration first_token = predicted_first_token(request, book.endpoints(), reach.usable, book.latency_s());
    // What no endpoint could do even without a queue is not refused for its wait: it would be refused for ever.
    if (first_token < objective) {
      QueueAhead ahead = ahead_of(queue, priority, request.tenant);
      ++ahead.same_class;  // its own turn
      Duration turn = pace.until_turn(ahead, priority, now);
      if (external.alone) turn = std::max(turn, *external.until - now);
      const Duration late = turn + first_token - (came + objective - now);
      if (late > Duration::zero()) return Refusal{.reason = RefusalReason::DeadlineUnmeetable, .retry_after = late};
      waiting.useful_until = came + objective - first_token;
    }
  }
  if (yielding != nullptr) {
    refuse_waiting(shed, *yielding, {.reason = RefusalReason::ClassShed, .retry_after = wait_of_last(yielding->arrival.request.priority)});
  } else if (!find_place(priority)) {
    return Refusal{.reason = RefusalReason::QueueFull, .retry_after = wait_of_last(priority)};
  }

  if (external.until) wake_at(*external.until);
  waiting.expires = expiry_of(waiting);
  waiting.deadline = objective > Duration::zero() ? came + objective : waiting.since + settings.queue.wait_max;
  if (settings.admission.preempt && priority == Priority::Realtime) name_victim(reach, tried);
  pace.came(priority);
  return Queued{.ticket = queue.push(std::move(waiting))};
}

bool Scheduler::State::find_place(Priority priority) {
  const std::size_t places = settings.queue.requests_max;
  const auto own = static_cast<std::size_t>(priority);
  std::size_t more_urgent = 0, less_urgent = 0;
  for (std::size_t i = 0; i < own; ++i) more_urgent += queue.waiting(static_cast<Priority>(i));
  for (std::size_t i = own + 1; i < Priorities; ++i) less_urgent += queue.waiting(static_cast<Priority>(i));
  const std::size_t kept = kept_places(places - std::min(places, more_urgent));
  if (queue.size() >= places && less_urgent > kept && make_room_for(priority)) return true;
  // Places stay empty only for those who were here and found none: who does not come keeps nobody out.
  const bool wanted =
      std::any_of(turned_away.begin() + static_cast<std::ptrdiff_t>(own) + 1, turned_away.end(), [](bool one) { return one; });
  const std::size_t held_back = wanted ? kept - std::min(kept, less_urgent) : 0;
  if (queue.size() + held_back < places) return true;
  turned_away[own] = true;
  return false;
}

// The newest of the least urgent class: it has waited least, and would wait longest.
bool Scheduler::State::make_room_for(Priority priority) {
  for (std::size_t i = Priorities; i-- > static_cast<std::size_t>(priority) + 1;) {
    const auto yielding = static_cast<Priority>(i);
    const FairQueue::Waiting* newest = queue.newest(yielding);
    if (newest == nullptr || !settings.admission.of(yielding).sheddable) continue;
    refuse_waiting(shed, *newest, {.reason = RefusalReason::ClassShed, .retry_after = wait_of_last(yielding)});
    return true;
  }
  return false;
}

const FairQueue::Waiting* Scheduler::State::least_urgent_of(std::uint64_t tenant, Priority below) const {
  for (std::size_t i = Priorities; i-- > static_cast<std::size_t>(below) + 1;) {
    const auto priority = static_cast<Priority>(i);
    if (!settings.admission.of(priority).sheddable) continue;
    if (const FairQueue::Waiting* last = queue.last_of(priority, tenant)) return last;
  }
  return nullptr;
}

void Scheduler::State::name_victim(const Reach& reach, std::span<const EndpointId> tried) {
  const auto serves = [&](EndpointId id) {
    const bool usable = std::any_of(reach.usable.begin(), reach.usable.end(), [&](std::uint32_t index) { return book[index].id == id; });
    return usable && std::find(tried.begin(), tried.end(), id) == tried.end();
  };
  // The latest one has cost its endpoint least.
  const auto victim = std::find_if(preemptible.rbegin(), preemptible.rend(), [&](const auto& one) { return serves(one.second.endpoint); });
  if (victim == preemptible.rend()) return;
  preempted.push_back({.endpoint = victim->second.endpoint, .cookie = victim->second.cookie});
  preemptible.erase(victim->first);
}

// Leaving -------------------------------------------------------------------------------------------------------------------------------

void Scheduler::State::refuse_waiting(std::vector<Released>& out, const FairQueue::Waiting& waiting, const Refusal& refusal) {
  out.push_back({.cookie = waiting.arrival.cookie, .decision = refusal, .waited = now - waiting.since});
  queue.remove(waiting.ticket);
}

void Scheduler::State::release(std::vector<Released>& out) {
  out.insert(out.end(), shed.begin(), shed.end());
  shed.clear();
  while (const FairQueue::Waiting* late = queue.expired(now)) {
    const bool useless = late->useful_until <= now;
    const Priority priority = late->arrival.request.priority;
    refuse_waiting(
        out, *late,
        {.reason = useless ? RefusalReason::DeadlineUnmeetable : RefusalReason::QueueTimeout, .retry_after = wait_of_last(priority)});
  }
  if (may_release) release_to_endpoints(out);
  may_release = false;
  forget_rush_if_empty();
}

void Scheduler::State::forget_rush_if_empty() {
  if (queue.size() > 0) return;
  pace.emptied();
  turned_away = {};
}

void Scheduler::State::release_to_endpoints(std::vector<Released>& out) {
  blocked.clear();
  while (const auto pick = queue.next(now, settings.admission.classes, blocked)) {
    const FairQueue::Waiting& waiting = *pick->waiting;
    const RequestView& request = waiting.arrival.request;
    const Reach reach = reach_of(request);
    const Selection selection = select(reach, request, waiting.tried);
    if (!selection.candidates.empty()) {
      if (!may_take_slot(reach, selection, request.priority)) {
        blocked.push_back({.lane = waiting.lane, .from = request.priority});  // more urgent ones of the lane may still go
        continue;
      }
      Dispatch sent = send(waiting.arrival, reach, waiting.tried, selection);
      if (waiting.tried.empty()) begin_hedging(sent, request);
      out.push_back({.cookie = waiting.arrival.cookie, .decision = sent, .waited = now - waiting.since});
      queue.take(*pick, sent.share.charge);
      continue;
    }
    if (reach.usable.empty()) {
      // Waiting for an endpoint whose back-off or ejection ends soon is worth it; how long one stays down nobody knows.
      const Refusal refusal = refuse_unusable(reach, request);
      const bool returns_in_time = refusal.retry_after > Duration::zero() && now + refusal.retry_after < waiting.expires;
      if (!returns_in_time && !may_come(refusal.reason)) {
        refuse_waiting(out, waiting, refusal);
        continue;
      }
    } else if (!waiting.tried.empty()) {
      const bool others = std::any_of(reach.usable.begin(), reach.usable.end(), [&](std::uint32_t index) {
        return std::find(waiting.tried.begin(), waiting.tried.end(), book[index].id) == waiting.tried.end();
      });
      if (!others) {
        refuse_waiting(out, waiting, {.reason = RefusalReason::AttemptsExhausted});
        continue;
      }
    }
    const ExternalWait external = external_wait(reach, request, waiting.tried);
    if (external.too_long(waiting.expires)) {
      refuse_waiting(out, waiting, refuse_external(external));
      continue;
    }
    if (external.until) wake_at(*external.until);
    blocked.push_back({.lane = waiting.lane});
  }
}

// Capacity ------------------------------------------------------------------------------------------------------------------------------

void Scheduler::State::apply_capacity(std::uint32_t index) {
  EndpointState& state = states[index];
  const bool learn = settings.admission.capacity.enabled && state.settings.capacity == 0;
  if (!learn) state.learned_capacity.reset();
  if (learn && !state.learned_capacity) state.learned_capacity.emplace(settings.admission.capacity);
  const std::uint32_t capacity = learn ? state.learned_capacity->capacity(book[index].report) : state.settings.capacity;
  if (capacity == book[index].capacity) return;
  book.set_capacity(index, capacity);
  may_release = true;
}

void Scheduler::State::learn_first_token(std::uint32_t index, const Share& share, Duration latency) {
  std::optional<LearnedCapacity>& learned = states[index].learned_capacity;
  if (!learned) return;
  learned->first_token(share.uncached_tokens, latency, book[index].in_flight);
  apply_capacity(index);
}

void Scheduler::State::learn_end(std::uint32_t index, const Outcome& outcome) {
  std::optional<LearnedCapacity>& learned = states[index].learned_capacity;
  if (!learned) return;
  learned->finished(outcome, book[index].in_flight + 1);  // it has left already
  apply_capacity(index);
}

// Looking in ----------------------------------------------------------------------------------------------------------------------------

std::array<ClassStatus, Priorities> Scheduler::State::classes() const {
  std::array<ClassStatus, Priorities> all;
  for (std::size_t i = 0; i < Priorities; ++i) {
    const auto priority = static_cast<Priority>(i);
    const FairQueue::Waiting* oldest = queue.oldest(priority);
    all[i] = {.priority = priority,
              .waiting = queue.waiting(priority),
              .tenants_waiting = queue.tenants_waiting(priority),
              .oldest_wait = oldest == nullptr ? Duration::zero() : now - oldest->since,
              .predicted_wait = oldest == nullptr ? Duration::zero() : wait_of_last(priority)};
  }
  return all;
}

}  // namespace evener::route
