#include "evener/route/recorded_scheduler.h"

#include "evener/route/recording.h"

namespace evener::route {

RecordedScheduler::RecordedScheduler(std::string_view pool, const PoolSettings& settings, std::uint64_t seed,
                                     std::unique_ptr<RecordingSink> sink)
    : scheduler_(settings, seed), sink_(std::move(sink)) {
  note([&] { return recorded::Began{.pool = std::string(pool), .settings = settings, .seed = seed}; });
}

void RecordedScheduler::write(const recorded::Event& event) {
  write_event(pending_, event);
  if (pending_.size() >= ChunkBytes) flush();
}

void RecordedScheduler::flush() {
  if (!recording() || pending_.empty()) return;
  if (!sink_->take(pending_)) sink_.reset();
  pending_.clear();
}

// Going in ------------------------------------------------------------------------------------------------------------------------------

void RecordedScheduler::configure(const PoolSettings& settings, Instant now) {
  scheduler_.configure(settings, now);
  note([&] { return recorded::Configured{.settings = settings, .now = now}; });
}

void RecordedScheduler::put_endpoint(EndpointId id, const EndpointSettings& settings, Instant now, Scheduler::Start start) {
  scheduler_.put_endpoint(id, settings, now, start);
  note([&] { return recorded::EndpointPut{.id = id, .settings = settings, .start = start, .now = now}; });
}

void RecordedScheduler::remove_endpoint(EndpointId id, Instant now) {
  scheduler_.remove_endpoint(id, now);
  note([&] { return recorded::EndpointRemoved{.id = id, .now = now}; });
}

void RecordedScheduler::set_weight(EndpointId id, double weight, Instant now) {
  scheduler_.set_weight(id, weight, now);
  note([&] { return recorded::WeightSet{.id = id, .weight = weight, .now = now}; });
}

void RecordedScheduler::set_drain(EndpointId id, Scheduler::Drain drain, Instant now) {
  scheduler_.set_drain(id, drain, now);
  note([&] { return recorded::DrainSet{.id = id, .drain = drain, .now = now}; });
}

Decision RecordedScheduler::arrived(const Arrival& arrival, Instant now) {
  const Decision decision = scheduler_.arrived(arrival, now);
  note([&] { return recorded::Arrived{.arrival = arrival, .now = now, .decision = decision}; });
  return decision;
}

Decision RecordedScheduler::retry(const RequestView& request, std::span<const EndpointId> tried, Instant now, Scheduler::Attempt attempt,
                                  std::uint64_t cookie) {
  const Decision decision = scheduler_.retry(request, tried, now, attempt, cookie);
  note([&] {
    return recorded::Retried{.request = request, .tried = tried, .attempt = attempt, .cookie = cookie, .now = now, .decision = decision};
  });
  return decision;
}

void RecordedScheduler::first_token(EndpointId endpoint, Share& share, Duration since_dispatch, Instant now) {
  note([&] { return recorded::FirstToken{.endpoint = endpoint, .share = share, .since_dispatch = since_dispatch, .now = now}; });
  scheduler_.first_token(endpoint, share, since_dispatch, now);
}

void RecordedScheduler::load_reported(EndpointId endpoint, const LoadReport& report, Instant now) {
  scheduler_.load_reported(endpoint, report, now);
  note([&] { return recorded::LoadReported{.endpoint = endpoint, .report = report, .now = now}; });
}

void RecordedScheduler::load_noted(EndpointId endpoint, const LoadReport& report, Instant now) {
  scheduler_.load_noted(endpoint, report, now);
  note([&] { return recorded::LoadNoted{.endpoint = endpoint, .report = report, .now = now}; });
}

void RecordedScheduler::finished(EndpointId endpoint, const Outcome& outcome, Scheduler::Attempt attempt, Instant now) {
  // Blocks tell what a lost attempt took with it. Of others they are not even passed on, so that a recording may do without them.
  Outcome passed_on = outcome;
  if (outcome.ending == Ending::Ok) passed_on.blocks = {};
  scheduler_.finished(endpoint, passed_on, attempt, now);
  note([&] { return recorded::Finished{.endpoint = endpoint, .outcome = passed_on, .attempt = attempt, .now = now}; });
}

void RecordedScheduler::allowance_told(EndpointId endpoint, const Share& share, const RateAllowance& allowance, Instant now) {
  scheduler_.allowance_told(endpoint, share, allowance, now);
  note([&] { return recorded::AllowanceTold{.endpoint = endpoint, .share = share, .allowance = allowance, .now = now}; });
}

void RecordedScheduler::adapters_reported(EndpointId endpoint, std::span<const std::uint64_t> adapters, Instant now) {
  scheduler_.adapters_reported(endpoint, adapters, now);
  note([&] { return recorded::AdaptersReported{.endpoint = endpoint, .adapters = adapters, .now = now}; });
}

bool RecordedScheduler::abandoned(std::uint64_t ticket, Instant now) {
  const bool waited = scheduler_.abandoned(ticket, now);
  note([&] { return recorded::Abandoned{.ticket = ticket, .now = now, .waited = waited}; });
  return waited;
}

void RecordedScheduler::checked(EndpointId endpoint, Scheduler::Check result, Instant now) {
  scheduler_.checked(endpoint, result, now);
  note([&] { return recorded::Checked{.endpoint = endpoint, .result = result, .now = now}; });
}

void RecordedScheduler::tick(Instant now) {
  scheduler_.tick(now);
  note([&] { return recorded::Ticked{.now = now}; });
  flush();
}

void RecordedScheduler::release(std::vector<Released>& out, Instant now) {
  const std::size_t before = out.size();
  scheduler_.release(out, now);
  note([&] { return recorded::Released{.now = now, .requests = {out.begin() + static_cast<std::ptrdiff_t>(before), out.end()}}; });
}

void RecordedScheduler::preempt(std::vector<Preempt>& out) {
  const std::size_t before = out.size();
  scheduler_.preempt(out);
  note([&] { return recorded::Preempted{.requests = {out.begin() + static_cast<std::ptrdiff_t>(before), out.end()}}; });
}

void RecordedScheduler::cache_stored(EndpointId endpoint, std::span<const std::uint64_t> blocks) {
  scheduler_.prefixes().stored(endpoint, blocks);
  note([&] { return recorded::CacheStored{.endpoint = endpoint, .blocks = blocks}; });
}

void RecordedScheduler::cache_evicted(EndpointId endpoint, std::span<const std::uint64_t> blocks) {
  scheduler_.prefixes().evicted(endpoint, blocks);
  note([&] { return recorded::CacheEvicted{.endpoint = endpoint, .blocks = blocks}; });
}

void RecordedScheduler::cache_followed(EndpointId endpoint, PrefixKnowledge knowledge) {
  scheduler_.prefixes().follow(endpoint, knowledge);
  note([&] { return recorded::CacheFollowed{.endpoint = endpoint, .knowledge = knowledge}; });
}

void RecordedScheduler::cache_cleared(EndpointId endpoint) {
  scheduler_.prefixes().cleared(endpoint);
  note([&] { return recorded::CacheCleared{.endpoint = endpoint}; });
}

void RecordedScheduler::cache_capacity(EndpointId endpoint, double blocks) {
  scheduler_.prefixes().capacity_reported(endpoint, blocks);
  note([&] { return recorded::CacheCapacity{.endpoint = endpoint, .blocks = blocks}; });
}

// Looking in ----------------------------------------------------------------------------------------------------------------------------

std::vector<EndpointStatus> RecordedScheduler::status(Instant now) {
  note([&] { return recorded::Ticked{.now = now}; });
  return scheduler_.status(now);
}

std::array<ClassStatus, Priorities> RecordedScheduler::classes(Instant now) {
  note([&] { return recorded::Ticked{.now = now}; });
  return scheduler_.classes(now);
}

SpendStatus RecordedScheduler::spend(Instant now) {
  note([&] { return recorded::Ticked{.now = now}; });
  return scheduler_.spend(now);
}

Explanation RecordedScheduler::explain(const RequestView& request, Instant now) {
  note([&] { return recorded::Explained{.request = request, .now = now}; });
  return scheduler_.explain(request, now);
}

bool RecordedScheduler::in_panic() {
  note([&] { return recorded::PanicAsked{}; });
  return scheduler_.in_panic();
}

}  // namespace evener::route
