#include "evener/route/replay.h"

#include <type_traits>
#include <utility>
#include <vector>

namespace evener::route {
namespace {

using namespace recorded;

std::string number(EndpointId id) { return std::to_string(static_cast<std::uint32_t>(id)); }

std::string words(const Dispatch& sent) {
  const Share& share = sent.share;
  return "endpoint " + number(sent.endpoint) + " (" + std::string(pick_reason_name(sent.reason)) + ", " + std::to_string(sent.candidates) +
         " candidates, " + std::to_string(share.uncached_tokens) + " tokens to compute, " + std::to_string(share.ahead_requests) +
         " requests and " + std::to_string(share.ahead_tokens) + " tokens ahead, first token predicted in " +
         std::to_string(share.predicted_first_token_s) + " s)";
}
std::string words(const Queued& queued) { return "queued, ticket " + std::to_string(queued.ticket); }
std::string words(const Refusal& refusal) {
  return "refused, " + std::string(refusal_name(refusal.reason)) + ", retry after " + std::to_string(seconds(refusal.retry_after)) + " s";
}
template <class... T>
std::string words(const std::variant<T...>& decision) {
  return std::visit([](const auto& one) { return words(one); }, decision);
}
std::string words(const RequestView& request) {
  return std::string(priority_name(request.priority)) + " request of " + std::to_string(request.prompt_tokens) + " prompt tokens in " +
         std::to_string(request.blocks.size()) + " blocks";
}

struct Describe {
  std::string operator()(const Arrived& event) const { return words(event.arrival.request) + " -> " + words(event.decision); }
  std::string operator()(const Retried& event) const {
    std::string tried;
    for (const EndpointId id : event.tried) tried += (tried.empty() ? "" : ", ") + number(id);
    return words(event.request) + " after endpoint " + tried + " -> " + words(event.decision);
  }
  std::string operator()(const Abandoned& event) const {
    return "client of ticket " + std::to_string(event.ticket) + " left -> " + (event.waited ? "it waited" : "it did not wait any more");
  }
  std::string operator()(const recorded::Released& event) const {
    std::string out = std::to_string(event.requests.size()) + " released";
    for (const route::Released& one : event.requests) {
      out += "; after " + std::to_string(seconds(one.waited)) + " s -> " + words(one.decision);
    }
    return out;
  }
  std::string operator()(const Preempted& event) const {
    std::string out = "pre-empted:";
    for (const Preempt& one : event.requests) out += " a request at endpoint " + number(one.endpoint);
    return out;
  }
  template <class Other>
  std::string operator()(const Other&) const {
    return "no decision";
  }
};

}  // namespace

template <class Decide>
Decision Replay::keep_blocks(RequestView& request, std::uint64_t cookie, Decide decide) {
  blocks_.assign(request.blocks.begin(), request.blocks.end());
  request.blocks = blocks_;
  Decision decision = decide();
  if (const auto* queued = std::get_if<Queued>(&decision)) {
    Waiting& waiting = waiting_[cookie];
    waiting = {.ticket = queued->ticket, .blocks = std::move(blocks_)};  // a moved vector's items stay where they are
    request.blocks = waiting.blocks;
    blocks_ = {};
  }
  return decision;
}

/// One call per kind of event; those that answer get their answer replaced.
struct Replay::Apply {
  Replay& replay;
  Scheduler& scheduler;

  void operator()(Began&) const {}
  void operator()(Configured& event) const { scheduler.configure(event.settings, event.now); }
  void operator()(EndpointPut& event) const { scheduler.put_endpoint(event.id, event.settings, event.now, event.start); }
  void operator()(EndpointRemoved& event) const { scheduler.remove_endpoint(event.id, event.now); }
  void operator()(WeightSet& event) const { scheduler.set_weight(event.id, event.weight, event.now); }
  void operator()(DrainSet& event) const { scheduler.set_drain(event.id, event.drain, event.now); }
  void operator()(Arrived& event) const {
    event.decision =
        replay.keep_blocks(event.arrival.request, event.arrival.cookie, [&] { return scheduler.arrived(event.arrival, event.now); });
  }
  void operator()(Retried& event) const {
    event.decision = replay.keep_blocks(
        event.request, event.cookie, [&] { return scheduler.retry(event.request, event.tried, event.now, event.attempt, event.cookie); });
  }
  void operator()(FirstToken& event) const {
    Share share = event.share;
    scheduler.first_token(event.endpoint, share, event.since_dispatch, event.now);
  }
  void operator()(LoadReported& event) const { scheduler.load_reported(event.endpoint, event.report, event.now); }
  void operator()(LoadNoted& event) const { scheduler.load_noted(event.endpoint, event.report, event.now); }
  void operator()(Finished& event) const { scheduler.finished(event.endpoint, event.outcome, event.attempt, event.now); }
  void operator()(Abandoned& event) const {
    event.waited = scheduler.abandoned(event.ticket, event.now);
    std::erase_if(replay.waiting_, [&](const auto& one) { return one.second.ticket == event.ticket; });
  }
  void operator()(Checked& event) const { scheduler.checked(event.endpoint, event.result, event.now); }
  void operator()(Ticked& event) const { scheduler.tick(event.now); }
  void operator()(recorded::Released& event) const {
    event.requests.clear();
    scheduler.release(event.requests, event.now);
    for (const route::Released& one : event.requests) replay.waiting_.erase(one.cookie);
  }
  void operator()(Preempted& event) const {
    event.requests.clear();
    scheduler.preempt(event.requests);
  }
  void operator()(Explained& event) const { (void)scheduler.explain(event.request, event.now); }
  void operator()(PanicAsked&) const { (void)scheduler.in_panic(); }
  void operator()(CacheStored& event) const { scheduler.prefixes().stored(event.endpoint, event.blocks); }
  void operator()(CacheEvicted& event) const { scheduler.prefixes().evicted(event.endpoint, event.blocks); }
  void operator()(CacheFollowed& event) const { scheduler.prefixes().follow(event.endpoint, event.knowledge); }
  void operator()(CacheCleared& event) const { scheduler.prefixes().cleared(event.endpoint); }
  void operator()(CacheCapacity& event) const { scheduler.prefixes().capacity_reported(event.endpoint, event.blocks); }
  void operator()(AllowanceTold& event) const { scheduler.allowance_told(event.endpoint, event.share, event.allowance, event.now); }
  void operator()(AdaptersReported& event) const { scheduler.adapters_reported(event.endpoint, event.adapters, event.now); }
};

std::optional<Event> Replay::apply(const Event& event) {
  const auto* began = std::get_if<Began>(&event);
  if ((began != nullptr) == scheduler_.has_value()) return std::nullopt;
  if (began != nullptr) scheduler_.emplace(began->settings, began->seed);
  Event replayed = event;
  std::visit(Apply{.replay = *this, .scheduler = *scheduler_}, replayed);
  return replayed;
}

std::uint64_t decisions_in(const Event& event) {
  if (const auto* released = std::get_if<recorded::Released>(&event)) return released->requests.size();
  if (const auto* preempted = std::get_if<Preempted>(&event)) return preempted->requests.size();
  return std::holds_alternative<Arrived>(event) || std::holds_alternative<Retried>(event) || std::holds_alternative<Abandoned>(event) ? 1
                                                                                                                                      : 0;
}

std::string describe(const Event& event) { return std::visit(Describe{}, event); }

}  // namespace evener::route
