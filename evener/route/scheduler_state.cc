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

Scheduler::State::Selection Scheduler::State::select(const Reach& reach, std::span<const EndpointId> tried) {
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
          .reuse = reuse.value()};
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

Dispatch Scheduler::State::dispatch(const RequestView& request, const Reach& reach, const Selection& selection) {
  const PoolView view = view_for(request, selection);
  std::uint32_t index = selection.candidates.front();
  PickReason reason = PickReason::OnlyCandidate;
  if (selection.candidates.size() > 1) {
    if (membership_changed) introduce_endpoints();
    index = policy->choose(request, view, rng);
    reason = PickReason::Policy;
  }
  if (reach.group->panic) reason = PickReason::Panic;
  const EndpointView& endpoint = book[index];
  const double trust = report_trust(endpoint.report, now);
  Share share{.prompt_tokens = request.prompt_tokens,
              .uncached_tokens = request.prompt_tokens - std::min(request.prompt_tokens, view.cached(index)),
              .output_tokens = request.output_tokens,
              .streams = request.stream,
              .ahead_tokens = static_cast<std::uint32_t>(std::min(load_in_uncached_tokens(endpoint, trust), 4e9)),
              .ahead_requests = endpoint.in_flight};
  if (endpoint.speed.first_token_known()) {
    share.predicted_first_token_s =
        static_cast<float>(predict(endpoint, expected_speed(endpoint, view), share.uncached_tokens, trust).first_token_s);
  }
  if (policy->wants_prefix() && !request.blocks.empty()) {
    block_tokens = request.block_tokens;
    share.prefix = prefixes.sent(endpoint.id, request.blocks, request.prompt_tokens, request.block_tokens);
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
                    : closest == Unfit::Modality ? RefusalReason::ModalityUnsupported
                                                 : RefusalReason::ContextTooLong};
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
    book.decoded(index, share, seconds(outcome.total - *outcome.first_token) / (outcome.usage->output_tokens - 1), now);
  }
  if (outcome.usage->cached_tokens) reuse.add(outcome.usage->prompt_tokens, *outcome.usage->cached_tokens);
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
