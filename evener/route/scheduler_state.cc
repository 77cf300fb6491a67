#include "evener/route/scheduler_state.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "evener/route/slow_start.h"
#include "evener/route/speed.h"

namespace evener::route {

Scheduler::State::State(PoolSettings pool_settings, std::uint64_t seed)
    : settings(std::move(pool_settings)), rng(seed), policy(make_policy(settings.policy, settings.composition)), prefixes(settings.prefix) {
  queue_rules_changed();
  hedging.configure(settings.hedging);
  spend.configure(settings.spend, now);
}

// Deciding ------------------------------------------------------------------------------------------------------------------------------

Scheduler::State::Reach Scheduler::State::reach_of(const RequestView& request) {
  const Candidates::Group& group = group_of(request);
  if (fit_changed) {
    fit = fit_bounds(book.endpoints());
    fit_changed = false;
  }
  if (fit.hold(request)) return {.group = &group, .usable = group.usable};
  Reach reach{.group = &group, .limited = true};
  const auto fits_somewhere = [&](std::uint32_t index) { return fits(reach, request, index); };
  if (std::none_of(group.members.begin(), group.members.end(), fits_somewhere)) reach.prompt_share = SurePromptShare;
  fitting.clear();
  std::copy_if(group.usable.begin(), group.usable.end(), std::back_inserter(fitting), fits_somewhere);
  reach.usable = fitting;
  return reach;
}

Scheduler::State::Selection Scheduler::State::select(const Reach& reach, const RequestView& request, std::span<const EndpointId> tried) {
  if (externals > 0) return select_with_external(reach, request, tried);
  // Another number than the group's where candidates are fewer: policies keep what they made of a list under it.
  const std::uint64_t generation = reach.usable.size() == reach.group->usable.size() ? reach.group->generation : 0;
  if (book.full() == 0 && tried.empty()) return {.candidates = reach.usable, .generation = generation};
  scratch.clear();
  for (std::uint32_t index : reach.usable) {
    if (LoadBook::is_full(book[index])) continue;
    if (std::find(tried.begin(), tried.end(), book[index].id) != tried.end()) continue;
    scratch.push_back(index);
  }
  if (scratch.size() == reach.usable.size()) return {.candidates = reach.usable, .generation = generation};
  return {.candidates = scratch, .generation = 0};
}

PoolView Scheduler::State::view_of(const Selection& selection) const {
  return {.now = now,
          .endpoints = book.endpoints(),
          .candidates = selection.candidates,
          .generation = selection.generation,
          .latency_s = book.latency_s(),
          .speed = book.speed(),
          .reuse = reuse.value(),
          .strongest_tier = book.strongest_tier()};
}

PoolView Scheduler::State::view_for(const RequestView& request, const Selection& selection) {
  PoolView view = view_of(selection);
  if (!policy->wants_prefix() || request.blocks.empty()) return view;
  if (prefixes.lookup(request.blocks, leading_blocks) == 0) return view;
  cached_tokens.assign(states.size(), 0);
  for (const std::uint32_t index : selection.candidates) {
    const std::optional<PrefixSlot> slot = states[index].prefix_slot;
    if (!slot || *slot >= leading_blocks.size()) continue;
    cached_tokens[index] = std::min(leading_blocks[*slot] * request.block_tokens, request.prompt_tokens);
    view.cached_most = std::max(view.cached_most, cached_tokens[index]);
  }
  view.cached_tokens = cached_tokens;
  return view;
}

Decision Scheduler::State::first_attempt(const Arrival& arrival, const Reach& reach) {
  if (reach.usable.empty()) {
    const Refusal refusal = refuse_unusable(reach, arrival.request);
    return may_come(refusal.reason) ? enqueue(arrival, reach, {}) : refusal;
  }
  if (queue.size() == 0) may_release = false;
  // Room that was freed since the queue was last looked at belongs to those who wait.
  const bool behind_others = may_release && queue.size() > 0;
  if (!behind_others) {
    const Selection selection = select(reach, arrival.request, {});
    const bool may_go = !selection.candidates.empty() && may_take_slot(reach, selection, arrival.request.priority);
    if (may_go) {
      Dispatch sent = send_at_once(arrival, reach, {}, selection);
      begin_hedging(sent, arrival.request);
      return sent;
    }
  }
  return enqueue(arrival, reach, {});
}

Decision Scheduler::State::next_attempt(const Arrival& arrival, const Reach& reach, std::span<const EndpointId> tried, Attempt attempt) {
  const RequestView& request = arrival.request;
  const std::vector<std::uint32_t>& members = reach.group->members;
  const bool may_wait = attempt == Attempt::Failover && arrival.cookie != 0;
  if (members.empty()) {
    if (may_wait && may_come(RefusalReason::NoEndpoint)) return enqueue(arrival, reach, tried);
    return Refusal{.reason = RefusalReason::NoEndpoint};
  }

  const auto was_tried = [&](std::uint32_t index) { return std::find(tried.begin(), tried.end(), book[index].id) != tried.end(); };
  const bool all_tried =
      std::all_of(members.begin(), members.end(), [&](std::uint32_t index) { return was_tried(index) || !fits(reach, request, index); });
  if (tried.size() >= settings.retry.attempts_max || all_tried) {
    return Refusal{.reason = RefusalReason::AttemptsExhausted,
                   .retry_after = reach.usable.empty() ? until_usable(reach, request) : Duration::zero()};
  }
  if (reach.usable.empty()) {
    const Refusal refusal = refuse_unusable(reach, request);
    return may_wait && may_come(refusal.reason) ? enqueue(arrival, reach, tried) : refusal;
  }
  if (attempt == Attempt::Hedge) return hedge(arrival, reach, tried);
  if (std::all_of(reach.usable.begin(), reach.usable.end(), was_tried)) return Refusal{.reason = RefusalReason::AttemptsExhausted};

  const Selection selection = select(reach, request, tried);
  if (selection.candidates.empty()) {
    if (may_wait) return enqueue(arrival, reach, tried);
    if (const ExternalWait wait = external_wait(reach, request, tried); wait.alone) return refuse_external(wait);
    return Refusal{.reason = RefusalReason::QueueFull, .retry_after = wait_of_last(request.priority)};
  }
  if (attempt == Attempt::Retry) {
    if (!retries.allows(settings.retry, book.in_flight())) return Refusal{.reason = RefusalReason::RetryBudget};
    retries.began();
  }
  return send_at_once(arrival, reach, tried, selection);
}

Dispatch Scheduler::State::dispatch(const Arrival& arrival, const Reach& reach, std::span<const EndpointId> tried,
                                    const Selection& selection) {
  const RequestView& request = arrival.request;
  const PoolView view = view_for(request, selection);
  std::uint32_t index = selection.candidates.front();
  PickReason reason = PickReason::OnlyCandidate;
  if (selection.candidates.size() > 1) {
    if (membership_changed) introduce_endpoints();
    index = policy->choose(request, view, rng);
    reason = PickReason::Policy;
  }
  if (selection.spilled && states[index].spills_over()) reason = PickReason::SpillOver;
  if (reach.group->panic) reason = PickReason::Panic;
  if (Explanation* why = explanation_of(arrival.cookie)) explain_choice(*why, arrival, reach, tried, view, index);
  const EndpointView& endpoint = book[index];
  const double trust = report_trust(endpoint.report, now);
  Share share{.prompt_tokens = request.prompt_tokens,
              .uncached_tokens = request.prompt_tokens - std::min(request.prompt_tokens, view.cached(index)),
              .output_tokens = request.output_tokens,
              .streams = request.stream,
              .ahead_tokens = static_cast<std::uint32_t>(std::min(load_in_uncached_tokens(endpoint, trust), 4e9)),
              .ahead_requests = endpoint.in_flight};
  if (endpoint.speed.first_token_known()) {
    const Prediction prediction = predict(endpoint, expected_speed(endpoint, view), share.uncached_tokens, trust);
    share.predicted_first_token_s = static_cast<float>(prediction.first_token_s);
    share.predicted_token_s = static_cast<float>(prediction.token_s);
  }
  if (policy->wants_prefix() && !request.blocks.empty()) {
    block_tokens = request.block_tokens;
    reuse.add(request.prompt_tokens, view.cached_most);
    share.prefix = prefixes.sent(endpoint.id, request.blocks, request.prompt_tokens, request.block_tokens);
  }
  if (ExternalAccount* account = states[index].external.get()) {
    account->sent(request, endpoint, share, now);
    spend.reserve(share.reserved);
  }
  book.dispatched(index, share);
  ++states[index].requests_total;
  return {
      .endpoint = book[index].id, .reason = reason, .candidates = static_cast<std::uint32_t>(selection.candidates.size()), .share = share};
}

void Scheduler::State::introduce_endpoints() {
  policy->on_membership(view_of({}));
  membership_changed = false;
}

Duration Scheduler::State::until_usable(const Reach& reach, const RequestView& request) const {
  std::optional<Instant> first;
  for (std::uint32_t index : reach.group->members) {
    if (!fits(reach, request, index)) continue;
    const std::optional<Instant> at = states[index].returns_at();
    if (at && (!first || *at < *first)) first = at;
  }
  return first && *first > now ? *first - now : Duration::zero();
}

Refusal Scheduler::State::refuse_unusable(const Reach& reach, const RequestView& request) const {
  const std::vector<std::uint32_t>& members = reach.group->members;
  if (members.empty()) return {.reason = RefusalReason::NoEndpoint};
  if (!reach.limited) return {.reason = RefusalReason::AllDown, .retry_after = until_usable(reach, request)};
  // The endpoint that comes closest tells what stands in the way.
  Unfit closest = Unfit::Zone;
  for (const std::uint32_t index : members) {
    const Unfit why = unfit(request, book[index], reach.prompt_share);
    if (why == Unfit::No) {
      const bool by_zone = request.zones != 0 && (fit.zones & ~request.zones) != 0;
      return {.reason = by_zone ? RefusalReason::ZoneUnavailable : RefusalReason::AllDown, .retry_after = until_usable(reach, request)};
    }
    closest = std::max(closest, why);
  }
  return {.reason = closest == Unfit::Zone       ? RefusalReason::ZoneUnavailable
                    : closest == Unfit::Adapter  ? RefusalReason::AdapterUnknown
                    : closest == Unfit::Modality ? RefusalReason::ModalityUnsupported
                                                 : RefusalReason::ContextTooLong};
}

void Scheduler::State::apply_adapters(std::uint32_t index) {
  EndpointState& state = states[index];
  std::vector<std::uint64_t>& all = state.adapters;
  all = state.settings.adapters;
  all.insert(all.end(), state.adapters_reported.begin(), state.adapters_reported.end());
  std::sort(all.begin(), all.end());
  all.erase(std::unique(all.begin(), all.end()), all.end());
  book.set_adapters(index, all);
}

// Learning ------------------------------------------------------------------------------------------------------------------------------

void Scheduler::State::learn(std::uint32_t index, const Outcome& outcome) {
  const EndpointId id = book[index].id;
  const Share& share = outcome.share;
  if (outcome.ending == Ending::ConnectFailed) prefixes.cleared(id);  // nobody listens: whatever comes back begins with an empty cache
  if (share.awaits_first_token && share.prefix.prompt_tokens > 0 && outcome.ending != Ending::Ok) {
    prefixes.withdrawn(id, outcome.blocks, share.prefix);
    return;
  }
  if (!outcome.usage || outcome.ending != Ending::Ok) return;
  if (share.streams && outcome.first_token && outcome.usage->output_tokens > 1 && outcome.total > *outcome.first_token) {
    const double per_token_s = seconds(outcome.total - *outcome.first_token) / (outcome.usage->output_tokens - 1);
    book.decoded(index, share, per_token_s, seconds(outcome.total), now);
  }
  if (share.prefix.prompt_tokens == 0) return;
  prefixes.settled(id, share.prefix,
                   {.prompt_tokens = outcome.usage->prompt_tokens,
                    .output_tokens = outcome.usage->output_tokens,
                    .cached_tokens = outcome.usage->cached_tokens});
}

// Health --------------------------------------------------------------------------------------------------------------------------------

void Scheduler::State::refresh(std::uint32_t index) {
  EndpointState& state = states[index];
  double share = 1.0;
  if (state.slow_start_since) {
    const SlowStartAt ramp = slow_start_at(*state.slow_start_since, settings.slow_start, now);
    if (ramp.over) {
      state.slow_start_since.reset();
    } else {
      share = ramp.share;
      wake_at(ramp.next);
    }
  }
  book.set_health(index, state.health());
  book.set_weight(index, state.weight(), state.weight() * share);
  candidates.touch();
  may_release = true;
}

void Scheduler::State::begin_slow_start(std::uint32_t index, Instant at) {
  if (settings.slow_start > Duration::zero()) states[index].slow_start_since = at;
}

void Scheduler::State::endpoint_succeeded(std::uint32_t index, const Outcome& outcome) {
  EndpointState& state = states[index];
  state.outlier.succeeded();
  state.backoff.took_request();
  await_interval();
  if (outcome.first_token) book.answered(index, seconds(*outcome.first_token), now - (outcome.total - *outcome.first_token));
}

void Scheduler::State::endpoint_failed(std::uint32_t index, const Outcome& outcome) {
  EndpointState& state = states[index];
  ++state.failures_total;
  book.failed(index, seconds(outcome.total), now);
  if (outcome.ending == Ending::Refused) {
    const std::uint32_t refusals_max = settings.outlier.enabled ? settings.outlier.consecutive_failures : 0;
    if (!state.backoff.refused(outcome.retry_after, refusals_max, now)) return;
    wake_at(*state.backoff.until());
    refresh(index);
    return;
  }
  const bool enough = state.outlier.failed(settings.outlier);
  await_interval();
  if (enough) eject_if_allowed(index, now);
}

void Scheduler::State::eject_if_allowed(std::uint32_t index, Instant at) {
  EndpointState& state = states[index];
  if (!settings.outlier.enabled || state.outlier.until()) return;
  if (ejected >= ejected_max(settings.outlier, states.size())) return;
  state.outlier.eject(settings.outlier, at);
  ++ejected;
  wake_at(*state.outlier.until());
  await_interval();
  refresh(index);
}

// An interval begins with the first event that it can count, never with a look at the clock, so ticks make no difference.
void Scheduler::State::await_interval() {
  if (interval_end != Instant::max() || !settings.outlier.enabled || settings.outlier.interval <= Duration::zero()) return;
  interval_end = now + settings.outlier.interval;
  wake_at(interval_end);
}

// Time ----------------------------------------------------------------------------------------------------------------------------------

void Scheduler::State::settle_due() {
  const Instant at = wake;
  wake = Instant::max();
  for (std::uint32_t index = 0; index < states.size(); ++index) {
    EndpointState& state = states[index];
    bool changed = state.slow_start_since.has_value();
    const std::optional<Instant> ejected_until = state.outlier.until();
    if (state.outlier.expire(at)) {
      --ejected;
      begin_slow_start(index, *ejected_until);
      changed = true;
    }
    if (state.backoff.expire(at)) changed = true;
    if (changed) refresh(index);
  }
  if (externals > 0 && queue.size() > 0) may_release = true;  // one of them may have been waited for
  if (interval_end <= at) judge_interval(at);
  if (interval_end != Instant::max()) wake_at(interval_end);
  for (const EndpointState& state : states) {
    if (state.outlier.until()) wake_at(*state.outlier.until());
    if (state.backoff.until()) wake_at(*state.backoff.until());
  }
}

void Scheduler::State::judge_interval(Instant at) {
  interval_end = Instant::max();
  std::vector<RateSample> samples;
  for (std::uint32_t index = 0; index < states.size(); ++index) {
    const OutlierRecord& record = states[index].outlier;
    if (!record.was_out()) samples.push_back({.index = index, .requests = record.requests(), .success_rate = record.success_rate()});
  }
  for (EndpointState& state : states) state.outlier.interval_passed();
  for (std::uint32_t index : success_rate_outliers(samples, settings.outlier)) eject_if_allowed(index, at);
  const bool more = std::any_of(states.begin(), states.end(), [](const EndpointState& state) { return state.outlier.remembers(); });
  if (more && settings.outlier.interval > Duration::zero()) interval_end = at + settings.outlier.interval;
}

}  // namespace evener::route
