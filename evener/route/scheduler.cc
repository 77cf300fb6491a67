#include "evener/route/scheduler.h"

#include <algorithm>
#include <utility>

#include "evener/core/hashing.h"
#include "evener/route/scheduler_state.h"

namespace evener::route {
namespace {

// Weights come from people and from load reports; what is out of range here still has to divide well.
constexpr double WeightMin = 1e-3;
constexpr double WeightMax = 1e6;

double valid_weight(double weight) { return weight >= WeightMin ? std::min(weight, WeightMax) : WeightMin; }  // NaN becomes WeightMin

EndpointView description_of(const EndpointSettings& settings, EndpointId id) {
  return {.id = id,
          .capacity = settings.capacity,
          .identity = settings.identity != 0 ? settings.identity : splitmix64(static_cast<std::uint64_t>(id)),
          .tier = settings.tier,
          .network_s = settings.network_s,
          .input_price = settings.input_price,
          .output_price = settings.output_price,
          .price_per_request = settings.price_per_request,
          .power_w = settings.power_w,
          .zone = std::min(settings.zone, ZonesMax),
          .modalities = settings.modalities,
          .context_tokens_max = settings.context_tokens_max,
          .any_adapter = settings.any_adapter};
}

}  // namespace

std::string_view refusal_name(RefusalReason reason) {
  switch (reason) {
    case RefusalReason::NoEndpoint: return "no_endpoint";
    case RefusalReason::AllDown: return "all_down";
    case RefusalReason::QueueFull: return "queue_full";
    case RefusalReason::QueueTimeout: return "queue_timeout";
    case RefusalReason::RetryBudget: return "retry_budget";
    case RefusalReason::AttemptsExhausted: return "attempts_exhausted";
    case RefusalReason::DeadlineUnmeetable: return "deadline_unmeetable";
    case RefusalReason::ClassShed: return "class_shed";
    case RefusalReason::TenantShare: return "tenant_share";
    case RefusalReason::ZoneUnavailable: return "zone_unavailable";
    case RefusalReason::ModalityUnsupported: return "modality_unsupported";
    case RefusalReason::ContextTooLong: return "context_too_long";
    case RefusalReason::RateLimited: return "rate_limited";
    case RefusalReason::SpendLimit: return "spend_limit";
    case RefusalReason::AdapterUnknown: return "adapter_unknown";
  }
  return "unknown";
}

std::string_view pick_reason_name(PickReason reason) {
  switch (reason) {
    case PickReason::Policy: return "policy";
    case PickReason::OnlyCandidate: return "only_candidate";
    case PickReason::Panic: return "panic";
    case PickReason::SpillOver: return "spill_over";
  }
  return "unknown";
}

Scheduler::Scheduler(PoolSettings settings, std::uint64_t seed) : state_(std::make_unique<State>(std::move(settings), seed)) {}
Scheduler::~Scheduler() = default;

// Membership and settings ---------------------------------------------------------------------------------------------------------------

void Scheduler::configure(const PoolSettings& settings, Instant now) {
  State& s = *state_;
  s.advance(now);
  if (settings.policy != s.settings.policy || settings.composition != s.settings.composition) {
    s.policy = make_policy(settings.policy, settings.composition);
    s.membership_changed = true;
  }
  const bool rules_switched = settings.outlier.enabled != s.settings.outlier.enabled;
  const bool learn_anew = settings.admission.capacity != s.settings.admission.capacity;
  s.settings = settings;
  s.hedging.configure(settings.hedging);
  s.queue_rules_changed();
  s.spend.configure(settings.spend, s.now);
  if (learn_anew) {
    for (EndpointState& state : s.states) state.learned_capacity.reset();
  }
  if (rules_switched) {
    for (EndpointState& state : s.states) state.outlier.pardon();
    s.ejected = 0;
  }
  s.interval_end = Instant::max();
  s.await_interval();
  for (std::uint32_t index = 0; index < s.states.size(); ++index) {
    const bool came_up = !settings.check.enabled && s.states[index].checks.switched_off() == ActiveChecks::Change::CameUp;
    if (came_up) s.begin_slow_start(index, s.now);
    s.apply_capacity(index);
    s.refresh(index);
  }
}

void Scheduler::put_endpoint(EndpointId id, const EndpointSettings& settings, Instant now, Start start) {
  State& s = *state_;
  s.advance(now);
  EndpointSettings valid = settings;
  valid.weight = valid_weight(settings.weight);
  std::optional<std::uint32_t> index = s.book.find(id);
  if (index) {
    EndpointState& state = s.states[*index];
    if (state.settings == valid) return;
    if (state.settings.weight != valid.weight) state.weight_override.reset();
    state.settings = valid;
    s.book.describe(*index, description_of(valid, id));
  } else {
    if (!s.settings.check.enabled) start = Start::Healthy;  // it would await a check that never comes
    index = s.book.insert(description_of(valid, id));
    s.states.insert(s.states.begin() + *index, EndpointState{.settings = valid, .checks = ActiveChecks(start)});
    s.states[*index].prefix_slot = s.prefixes.add(id);
    if (start == Start::Healthy) s.begin_slow_start(*index, s.now);
  }
  s.apply_capacity(*index);
  s.apply_external(*index);
  s.apply_adapters(*index);
  s.candidates.regroup();
  s.membership_changed = true;
  s.fit_changed = true;
  s.refresh(*index);
}

void Scheduler::remove_endpoint(EndpointId id, Instant now) {
  State& s = *state_;
  s.advance(now);
  const std::optional<std::uint32_t> index = s.book.find(id);
  if (!index) return;
  if (s.states[*index].outlier.until()) --s.ejected;
  if (s.states[*index].external) --s.externals;
  s.book.erase(*index);
  s.prefixes.remove(id);
  s.states.erase(s.states.begin() + *index);
  s.candidates.regroup();
  s.membership_changed = true;
  s.fit_changed = true;
  s.may_release = true;  // waiting requests may have lost their last endpoint
}

void Scheduler::set_weight(EndpointId id, double weight, Instant now) {
  State& s = *state_;
  s.advance(now);
  const std::optional<std::uint32_t> index = s.book.find(id);
  if (!index) return;
  s.states[*index].weight_override = valid_weight(weight);
  s.membership_changed = true;
  s.refresh(*index);
}

void Scheduler::set_drain(EndpointId id, Drain drain, Instant now) {
  State& s = *state_;
  s.advance(now);
  const std::optional<std::uint32_t> index = s.book.find(id);
  if (!index) return;
  const bool draining = drain == Drain::Yes;
  if (s.states[*index].draining == draining) return;
  s.states[*index].draining = draining;
  if (!draining) s.begin_slow_start(*index, s.now);
  s.refresh(*index);
}

// Life of a request ---------------------------------------------------------------------------------------------------------------------

Decision Scheduler::arrived(const Arrival& arrival, Instant now) {
  State& s = *state_;
  s.advance(now);
  const State::Reach reach = s.reach_of(arrival.request);
  const Decision decision = s.first_attempt(arrival, reach);
  if (!std::holds_alternative<Dispatch>(decision)) s.explain_no_choice(arrival, reach, {});
  return decision;
}

Decision Scheduler::retry(const RequestView& request, std::span<const EndpointId> tried, Instant now, Attempt attempt,
                          std::uint64_t cookie) {
  State& s = *state_;
  s.advance(now);
  const Arrival arrival{.request = request, .cookie = cookie, .preemptible = false};  // it has lost enough
  const State::Reach reach = s.reach_of(request);
  const Decision decision = s.next_attempt(arrival, reach, tried, attempt);
  if (!std::holds_alternative<Dispatch>(decision)) s.explain_no_choice(arrival, reach, tried);
  return decision;
}

void Scheduler::first_token(EndpointId endpoint, Share& share, Duration since_dispatch, Instant now) {
  State& s = *state_;
  s.advance(now);
  const auto index = s.book.find(endpoint);
  if (!index) return;
  s.book.answered(*index, seconds(since_dispatch), s.now);
  s.learn_first_token(*index, share, since_dispatch);
  if (share.streams && share.awaits_first_token) s.hedging.first_token(since_dispatch);
  if (share.streams && share.awaits_first_token && since_dispatch > Duration::zero()) {
    s.book.streamed(*index, share, seconds(since_dispatch), s.now);
  }
  s.book.prefilled(*index, share);
  s.no_longer_preemptible(share);
}

void Scheduler::load_reported(EndpointId endpoint, const LoadReport& report, Instant now) {
  State& s = *state_;
  s.advance(now);
  const auto index = s.book.find(endpoint);
  if (!index) return;
  s.book.reported(*index, report);
  // How many tokens a block of ours has is known from the requests alone.
  if (report.kv_capacity_tokens && s.block_tokens > 0) s.prefixes.capacity_reported(endpoint, *report.kv_capacity_tokens / s.block_tokens);
  s.apply_capacity(*index);
}

void Scheduler::load_noted(EndpointId endpoint, const LoadReport& report, Instant now) {
  const auto index = state_->book.find(endpoint);
  if (!index) return;
  const std::optional<LoadReport>& before = state_->book[*index].report;
  load_reported(endpoint, before ? completed(*before, report) : report, now);
}

void Scheduler::allowance_told(EndpointId endpoint, const Share& share, const RateAllowance& allowance, Instant now) {
  State& s = *state_;
  s.advance(now);
  const auto index = s.book.find(endpoint);
  if (!index || !s.states[*index].external) return;
  s.states[*index].external->told(share, allowance, s.now);
  s.may_release = true;
}

void Scheduler::finished(EndpointId endpoint, const Outcome& outcome, Attempt attempt, Instant now) {
  State& s = *state_;
  s.advance(now);
  const std::optional<std::uint32_t> index = s.book.find(endpoint);
  const bool counted = index && s.book.ended(*index, outcome.share);
  if (index && !counted) return;  // nothing of ours was in flight there
  if (attempt == Attempt::Retry) s.retries.ended();
  if (attempt == Attempt::Hedge) s.hedging.refund(outcome.share.output_tokens);  // only the prompt is computed twice: one of the two is cancelled
  if (outcome.share.streams && outcome.share.awaits_first_token && outcome.ending != Ending::Ok) s.hedging.gave_up(outcome.total);
  s.settle(outcome);
  s.settle_external(index, outcome);
  if (!index) return;  // removed meanwhile

  s.may_release = true;
  s.learn_end(*index, outcome);
  if (s.queue.size() > 0) s.pace.ended(s.now);
  s.learn(*index, outcome);
  switch (outcome.ending) {
    case Ending::Ok: s.endpoint_succeeded(*index, outcome); break;
    case Ending::Cancelled: break;
    case Ending::Refused:
    case Ending::ServerError:
    case Ending::ConnectFailed:
    case Ending::Reset:
    case Ending::Timeout:
    case Ending::BadResponse: s.endpoint_failed(*index, outcome); break;
  }
}

void Scheduler::adapters_reported(EndpointId endpoint, std::span<const std::uint64_t> adapters, Instant now) {
  State& s = *state_;
  s.advance(now);
  const std::optional<std::uint32_t> index = s.book.find(endpoint);
  if (!index) return;
  s.states[*index].adapters_reported.assign(adapters.begin(), adapters.end());
  s.apply_adapters(*index);
  s.may_release = true;
}

bool Scheduler::abandoned(std::uint64_t ticket, Instant now) {
  State& s = *state_;
  s.advance(now);
  const bool waited = s.queue.remove(ticket);
  if (waited && s.externals > 0) s.may_release = true;  // those behind it may need less of what it waited for
  s.forget_rush_if_empty();
  return waited;
}

void Scheduler::checked(EndpointId endpoint, Check result, Instant now) {
  State& s = *state_;
  s.advance(now);
  const std::optional<std::uint32_t> index = s.book.find(endpoint);
  if (!index || !s.settings.check.enabled) return;  // the answer to a check from before they were switched off
  const ActiveChecks::Change change = s.states[*index].checks.checked(result, s.settings.check);
  if (change == ActiveChecks::Change::None) return;
  if (change == ActiveChecks::Change::CameUp) s.begin_slow_start(*index, s.now);
  if (change == ActiveChecks::Change::WentDown) s.prefixes.cleared(endpoint);  // an engine that comes back has usually been restarted
  s.refresh(*index);
}

void Scheduler::tick(Instant now) { state_->advance(now); }

void Scheduler::release(std::vector<Released>& out, Instant now) {
  state_->advance(now);
  state_->release(out);
}

void Scheduler::preempt(std::vector<Preempt>& out) {
  out.insert(out.end(), state_->preempted.begin(), state_->preempted.end());
  state_->preempted.clear();
}

// Looking in ----------------------------------------------------------------------------------------------------------------------------

std::vector<EndpointStatus> Scheduler::status(Instant now) const {
  State& s = *state_;
  s.advance(now);
  std::vector<EndpointStatus> all;
  all.reserve(s.states.size());
  for (std::size_t index = 0; index < s.states.size(); ++index) {
    const EndpointState& state = s.states[index];
    const EndpointView& view = s.book[index];
    const Health health = state.health();
    std::optional<Instant> until;
    if (health == Health::Ejected) until = state.outlier.until();
    if (health == Health::Backoff) until = state.backoff.until();
    all.push_back({.id = view.id,
                   .health = health,
                   .slow_start = state.slow_start_since.has_value(),
                   .weight_configured = view.weight_configured,
                   .weight_effective = view.weight,
                   .in_flight = view.in_flight,
                   .capacity = view.capacity,
                   .requests_total = state.requests_total,
                   .failures_total = state.failures_total,
                   .ejections_total = state.outlier.ejections_total(),
                   .consecutive_failures = state.outlier.consecutive_failures(),
                   .last_check = state.checks.last(),
                   .latency_s = view.latency_s,
                   .in_flight_prompt_tokens = view.in_flight_prompt_tokens,
                   .in_flight_uncached_tokens = view.in_flight_uncached_tokens,
                   .in_flight_output_tokens = view.in_flight_output_tokens,
                   .speed = view.speed,
                   .prediction_errors = s.book.prediction_errors(static_cast<std::uint32_t>(index)),
                   .prefix = s.prefixes.quality(view.id),
                   .report = view.report,
                   .until = until,
                   .external = s.external_status(index)});
  }
  return all;
}

std::size_t Scheduler::queued() const { return state_->queue.size(); }
std::array<ClassStatus, Priorities> Scheduler::classes(Instant now) const {
  state_->advance(now);
  return state_->classes();
}
std::uint32_t Scheduler::in_flight() const { return state_->book.in_flight(); }
SpendStatus Scheduler::spend(Instant now) const {
  state_->advance(now);
  return spend_status(state_->spend, state_->now);
}
bool Scheduler::in_panic() const { return state_->group_of({}).panic; }
std::string_view Scheduler::policy() const { return state_->policy->name(); }
const PoolSettings& Scheduler::settings() const { return state_->settings; }
PrefixIndex& Scheduler::prefixes() { return state_->prefixes; }
bool Scheduler::knows(EndpointId id) const { return state_->book.find(id).has_value(); }

}  // namespace evener::route
