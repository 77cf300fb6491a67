#include "evener/lab/recorded_requests.h"

#include <algorithm>
#include <utility>

#include "evener/core/hashing.h"

namespace evener::lab {
namespace {

/// The same for all attempts of a request, and for hardly any two requests in flight.
std::uint64_t fingerprint(const route::RequestView& view) {
  std::uint64_t hash = hash_combine(view.affinity_key, view.tenant);
  hash = hash_combine(hash, view.prompt_bytes);
  hash = hash_combine(hash, (std::uint64_t{view.prompt_tokens} << 8) | static_cast<std::uint64_t>(view.priority));
  return hash_combine(hash, view.blocks.empty() ? 0 : view.blocks.back());
}

/// Whether a share that comes back may be the one that was given: what happens to it until its end changes none of these.
bool same_share(const route::Share& given, const route::Share& back) {
  return given.prompt_tokens == back.prompt_tokens && given.uncached_tokens == back.uncached_tokens &&
         given.output_tokens == back.output_tokens && given.priority == back.priority && given.tenant == back.tenant &&
         given.preemptible == back.preemptible && given.ahead_tokens == back.ahead_tokens && given.ahead_requests == back.ahead_requests;
}

// Recordings come from files: whatever stands there, sums and differences of a few such times fit 64 bits.
constexpr Duration LongestTime = std::chrono::hours(24 * 365 * 100);
Duration within_a_century(Duration time) { return std::clamp(time, Duration::zero(), LongestTime); }
Instant within_a_century(Instant time) { return Instant(within_a_century(time.time_since_epoch())); }

Duration distance(Instant a, Instant b) { return a < b ? b - a : a - b; }

}  // namespace

struct RecordedRequests::Take {
  RecordedRequests& requests;
  void operator()(const route::recorded::Arrived& event) const { requests.arrived(event); }
  void operator()(const route::recorded::Retried& event) const { requests.retried(event); }
  void operator()(const route::recorded::Released& event) const { requests.released(event); }
  void operator()(const route::recorded::Finished& event) const { requests.finished(event); }
  /// All others say nothing of requests.
  template <class Other>
  void operator()(const Other&) const {}
};

void RecordedRequests::take(const route::recorded::Event& event) { std::visit(Take{*this}, event); }

void RecordedRequests::arrived(const route::recorded::Arrived& event) {
  const route::Arrival& arrival = event.arrival;
  const Instant now = within_a_century(event.now);
  // One that was pre-empted arrives again; it is the request that it was.
  const bool again = arrival.came != Instant{} && arrival.came < now;
  std::optional<Index> request = again ? open_request(arrival.request) : std::nullopt;
  if (!request) {
    request = static_cast<Index>(requests_.size());
    RecordedRequest& added = requests_.emplace_back(RecordedRequest{.view = arrival.request, .arrived = now, .ended = now});
    added.blocks.assign(arrival.request.blocks.begin(), arrival.request.blocks.end());
    added.view.blocks = {};
    alike_[fingerprint(arrival.request)].push_back(*request);
  }
  decided(*request, arrival.cookie, event.decision, now);
}

void RecordedRequests::retried(const route::recorded::Retried& event) {
  if (const auto request = open_request(event.request)) decided(*request, event.cookie, event.decision, within_a_century(event.now));
}

void RecordedRequests::released(const route::recorded::Released& event) {
  for (const route::Released& one : event.requests) {
    const auto queued = queued_.find(one.cookie);
    if (queued == queued_.end()) continue;
    if (const auto* dispatch = std::get_if<route::Dispatch>(&one.decision))
      dispatched(queued->second, *dispatch, within_a_century(event.now));
    queued_.erase(queued);
  }
}

void RecordedRequests::finished(const route::recorded::Finished& event) {
  std::vector<Attempt>& attempts = in_flight_[static_cast<std::uint32_t>(event.endpoint)];
  const Instant now = within_a_century(event.now), dispatched = now - within_a_century(event.outcome.total);
  auto best = attempts.end();
  for (auto attempt = attempts.begin(); attempt != attempts.end(); ++attempt) {
    if (!same_share(attempt->share, event.outcome.share)) continue;
    if (best == attempts.end() || distance(attempt->dispatched, dispatched) < distance(best->dispatched, dispatched)) best = attempt;
  }
  if (best == attempts.end()) return;
  RecordedRequest& request = requests_[best->request];
  attempts.erase(best);
  if (event.outcome.ending != route::Ending::Ok) return;
  request.answered = true;
  request.ended = now;
  request.usage = event.outcome.usage;
}

void RecordedRequests::decided(Index request, std::uint64_t cookie, const route::Decision& decision, Instant now) {
  if (const auto* dispatch = std::get_if<route::Dispatch>(&decision)) dispatched(request, *dispatch, now);
  if (std::holds_alternative<route::Queued>(decision)) queued_[cookie] = request;
}

void RecordedRequests::dispatched(Index request, const route::Dispatch& dispatch, Instant now) {
  in_flight_[static_cast<std::uint32_t>(dispatch.endpoint)].push_back({.share = dispatch.share, .dispatched = now, .request = request});
}

/// The latest with such a view that has no answer yet: attempts follow each other closely.
std::optional<RecordedRequests::Index> RecordedRequests::open_request(const route::RequestView& view) {
  std::vector<Index>& alike = alike_[fingerprint(view)];
  while (!alike.empty() && requests_[alike.back()].answered) alike.pop_back();
  return alike.empty() ? std::nullopt : std::optional(alike.back());
}

}  // namespace evener::lab
