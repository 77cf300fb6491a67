#include "evener/gateway/pool.h"

#include <algorithm>
#include <cmath>

#include "evener/base/clock.h"
#include "evener/core/hashing.h"
#include "evener/gateway/request_rules.h"

namespace evener::gateway {

std::string_view Endpoint::model_name(std::string_view served) const {
  if (config.models.empty()) return served;
  const auto found = config.models.find(std::string(served));
  return found == config.models.end() || found->second.empty() ? served : std::string_view(found->second);
}

Pool::Pool(const PoolConfig& config, std::uint64_t seed, PoolMetrics metrics, std::unique_ptr<route::RecordingSink> recording)
    : name_(config.name),
      metrics_(std::move(metrics)),
      scheduler_(config.name, pool_settings(config), seed, std::move(recording)),
      decisions_(DecisionsKept) {
  scheduler_.explain_to(this);
}

Pool::Decided Pool::arrived(std::string_view request_id, std::string_view model, const route::RequestView& request, Waiter& waiter,
                            Instant now) {
  std::vector<route::Released> released;
  std::unique_lock lock(mutex_);
  DecisionRecord& record = begin_locked(request_id, model, 1);
  waiter.number = record.number;
  if (waiter.came == Instant{}) ++traffic_.arrivals;  // else it gave way, and comes again
  record.decision = scheduler_.arrived({.request = request,
                                        .cookie = reinterpret_cast<std::uintptr_t>(&waiter),
                                        .came = waiter.came,
                                        .waited = waiter.waited_before,
                                        .preemptible = waiter.give_way != nullptr},
                                       now);
  const Decided decided{.decision = record.decision, .number = record.number};
  if (scheduler_.queued() > 0) release_locked(released, now);  // its place may have been another's
  const std::vector<route::Preempt> victims = victims_locked();
  lock.unlock();
  wake(released);
  tell(victims);
  return decided;
}

Pool::Decided Pool::retry(std::string_view request_id, std::string_view model, const route::RequestView& request,
                          std::span<const EndpointId> tried, route::Scheduler::Attempt attempt, Waiter& waiter, Instant now) {
  std::vector<route::Released> released;
  std::unique_lock lock(mutex_);
  DecisionRecord& record = begin_locked(request_id, model, static_cast<std::uint32_t>(tried.size() + 1));
  waiter.number = record.number;
  record.decision = scheduler_.retry(request, tried, now, attempt, reinterpret_cast<std::uintptr_t>(&waiter));
  const Decided decided{.decision = record.decision, .number = record.number};
  if (scheduler_.queued() > 0) release_locked(released, now);
  const std::vector<route::Preempt> victims = victims_locked();
  lock.unlock();
  wake(released);
  tell(victims);
  return decided;
}

void Pool::first_token(EndpointId endpoint, route::Share& share, Duration since_dispatch, Instant now) {
  const std::lock_guard lock(mutex_);
  scheduler_.first_token(endpoint, share, since_dispatch, now);
}

void Pool::allowance_told(EndpointId endpoint, const route::Share& share, const RateAllowance& allowance, Instant now) {
  with_scheduler(now, [&](route::RecordedScheduler& scheduler) { scheduler.allowance_told(endpoint, share, allowance, now); });
}

void Pool::finished(EndpointId endpoint, const route::Outcome& outcome, route::Scheduler::Attempt attempt, std::uint64_t number,
                    Instant now) {
  std::vector<route::Released> released;
  {
    const std::lock_guard lock(mutex_);
    scheduler_.finished(endpoint, outcome, attempt, now);
    if (outcome.usage) {
      ++traffic_.reports;
      traffic_.prompt_tokens += outcome.usage->prompt_tokens - std::min(outcome.usage->cached_tokens.value_or(0), outcome.usage->prompt_tokens);
      traffic_.output_tokens += outcome.usage->output_tokens;
    }
    if (scheduler_.queued() > 0) release_locked(released, now);
    DecisionRecord& record = decisions_[number % DecisionsKept];
    if (record.number == number) {
      record.ended = true;
      record.outcome = outcome;
      record.outcome.blocks = {};  // they go with the request
    }
  }
  wake(released);
  observe_predictions(outcome);
}

bool Pool::abandoned(const Decided& queued, Instant now) {
  const std::lock_guard lock(mutex_);
  if (!scheduler_.abandoned(std::get<route::Queued>(queued.decision).ticket, now)) return false;
  DecisionRecord& record = decisions_[queued.number % DecisionsKept];
  if (record.number == queued.number) {
    record.ended = true;
    record.outcome = {.ending = route::Ending::Cancelled};
  }
  return true;
}

void Pool::release_locked(std::vector<route::Released>& released, Instant now) {
  const std::size_t before = released.size();
  scheduler_.release(released, now);
  for (std::size_t i = before; i < released.size(); ++i) {
    const route::Released& one = released[i];
    const std::uint64_t number = reinterpret_cast<const Waiter*>(static_cast<std::uintptr_t>(one.cookie))->number;
    DecisionRecord& record = decisions_[number % DecisionsKept];
    if (record.number != number) continue;
    std::visit([&](const auto& decision) { record.decision = decision; }, one.decision);
    record.waited = one.waited;
  }
}

route::Explanation* Pool::explanation_of(std::uint64_t cookie) {
  const std::uint64_t number = reinterpret_cast<const Waiter*>(static_cast<std::uintptr_t>(cookie))->number;
  DecisionRecord& record = decisions_[number % DecisionsKept];
  return record.number == number ? &record.explanation : nullptr;
}

DecisionRecord& Pool::begin_locked(std::string_view request_id, std::string_view model, std::uint32_t attempt) {
  const std::uint64_t number = ++decisions_made_;
  DecisionRecord& record = decisions_[number % DecisionsKept];
  record.number = number;
  record.request_id.assign(request_id);
  record.model.assign(model);
  record.at_wall_ns = wall_clock_ns();
  record.attempt = attempt;
  record.waited.reset();
  record.ended = false;
  return record;
}

void Pool::observe_predictions(const route::Outcome& outcome) const {
  if (outcome.ending != route::Ending::Ok || !outcome.share.streams || !outcome.first_token) return;
  const auto observe = [](const telemetry::Histogram& histogram, double predicted_s, double observed_s) {
    if (predicted_s > 0 && observed_s > 0) histogram.observe(std::abs(predicted_s / observed_s - 1.0));
  };
  observe(metrics_.first_token_error, outcome.share.predicted_first_token_s, seconds(*outcome.first_token));
  const std::optional<double> token_s = token_seconds(outcome);
  if (!token_s) return;
  observe(metrics_.token_error, outcome.share.predicted_token_s, *token_s);
  observe(metrics_.total_error, outcome.share.predicted_total_s(), seconds(outcome.total));
}

void Pool::wake(const std::vector<route::Released>& released) {
  for (const route::Released& one : released) {
    auto* waiter = reinterpret_cast<Waiter*>(static_cast<std::uintptr_t>(one.cookie));
    waiter->reactor.post([waiter, decision = one.decision, waited = one.waited] {
      waiter->decision = std::make_unique<const std::variant<route::Dispatch, route::Refusal>>(decision);
      waiter->waited = waited;
      waiter->told.set();
    });
  }
}

std::vector<route::Preempt> Pool::victims_locked() {
  std::vector<route::Preempt> victims;
  if (!scheduler_.settings().admission.preempt) return victims;
  scheduler_.preempt(victims);
  for (const route::Preempt& victim : victims) reinterpret_cast<Waiter*>(static_cast<std::uintptr_t>(victim.cookie))->named = true;
  return victims;
}

void Pool::tell(const std::vector<route::Preempt>& victims) {
  for (const route::Preempt& victim : victims) {
    auto* waiter = reinterpret_cast<Waiter*>(static_cast<std::uintptr_t>(victim.cookie));
    waiter->reactor.post([waiter] {
      waiter->give_way(waiter->context);
      waiter->asked = true;
      waiter->told.set();
    });
  }
}

std::vector<DecisionRecord> Pool::decisions(std::string_view request_id, std::size_t most) {
  std::vector<DecisionRecord> found;
  const std::lock_guard lock(mutex_);
  for (std::uint64_t i = 0; i < DecisionsKept && found.size() < most; ++i) {
    if (decisions_made_ < i + 1) break;
    const DecisionRecord& record = decisions_[(decisions_made_ - i) % DecisionsKept];
    if (record.number == 0) break;
    if (request_id.empty() || record.request_id == request_id) found.push_back(record);
  }
  return found;
}

std::optional<double> token_seconds(const route::Outcome& outcome) {
  if (!outcome.first_token || !outcome.usage || outcome.usage->output_tokens < 2 || !outcome.share.streams) return std::nullopt;
  return seconds(outcome.total - *outcome.first_token) / (outcome.usage->output_tokens - 1);
}

route::PoolSettings pool_settings(const PoolConfig& config) {
  route::PoolSettings settings{.policy = policy_of(config),
          .composition = config.composition,
          .prefix = prefix_settings(config),
          .check = {.enabled = config.health_check.enabled, .rise = config.health_check.rise, .fall = config.health_check.fall},
          .outlier = config.outlier,
          .retry = config.retry.budget,
          .queue = config.queue,
          .slow_start = config.slow_start,
          .panic_threshold = config.panic_threshold,
          .admission = admission_settings(config),
          .hedging = config.hedging,
          .spend = spend_settings(config.spend)};
  settings.queue.without_endpoint = config.scale.enabled();  // a replica is on its way, or will be
  return settings;
}

route::EndpointSettings endpoint_settings(const EndpointConfig& config, const Place& place) {
  // The same in every gateway and after a restart, so that all of them send a session to the same endpoint.
  route::EndpointSettings settings{.weight = config.weight, .capacity = config.capacity, .models = {}, .identity = hash64(config.url)};
  settings.tier = config.tier;
  settings.zone = place.zone;
  settings.network_s = seconds(place.latency);
  const PriceConfig& price = config.price == PriceConfig{} ? place.price : config.price;
  settings.input_price = price.input_per_million_tokens;
  settings.output_price = price.output_per_million_tokens;
  settings.price_per_request = price.per_request;
  settings.external = external_settings(config.external);
  settings.power_w = config.power_watts;
  settings.context_tokens_max = config.context_tokens_max;
  if (!config.modalities.empty()) {
    settings.modalities = 0;
    for (const route::Modality one : config.modalities) settings.modalities |= one;
  }
  settings.any_adapter = place.any_adapter;
  for (const std::string& adapter : config.adapters) {
    if (adapter == AnyAdapter) {
      settings.any_adapter = true;
    } else {
      settings.adapters.push_back(model_hash(adapter));
    }
  }
  for (const auto& [served, known_as] : config.models) settings.models.push_back(model_hash(served));
  return settings;
}

std::uint64_t model_hash(std::string_view model) { return hash64(model); }

}  // namespace evener::gateway
