#include "evener/gateway/pool_scaling.h"

#include <algorithm>
#include <cmath>

#include "evener/base/log.h"
#include "evener/route/autoscale/kinds.h"

namespace evener::gateway {

using route::autoscale::Reading;

namespace {

FleetSettings fleet_settings(const std::string& pool, const KindConfig& kind, Duration drain_max) {
  const bool watched = kind.actuator.kind == ActuatorKind::Process;  // looking costs nothing, and one that ended is to be noticed
  return {.pool = pool, .kind = kind.name, .observe = watched ? Duration::zero() : kind.actuator.observe, .drain_max = drain_max};
}

/// The pool without the replicas of other kinds.
ScaledPool::Sample of_kind(const ScaledPool::Sample& sample, const std::string& kind) {
  ScaledPool::Sample own = sample;
  std::erase_if(own.members, [&](const ScaledPool::Member& member) {
    if (member.kind == kind) return false;
    own.in_flight -= std::min(member.in_flight, own.in_flight);
    own.healthy -= member.healthy && own.healthy > 0 ? 1 : 0;
    return true;
  });
  return own;
}

std::uint32_t rounded(double replicas) { return static_cast<std::uint32_t>(std::lround(replicas)); }

}  // namespace

PoolScaling::PoolScaling(std::string pool, const ScaleConfig& config, ScaledPool& view, MakeActuator make_actuator)
    : pool_(std::move(pool)),
      config_(config),
      view_(view),
      make_actuator_(std::move(make_actuator)),
      scaler_(make_scaler(config)),
      startups_(config.predictive.startup) {
  arrange_kinds();
}

void PoolScaling::arrange_kinds() {
  std::vector<std::unique_ptr<Kind>> before = std::move(kinds_);
  kinds_.clear();
  for (const KindConfig& wanted : kinds_of(config_)) {
    const auto known = std::find_if(before.begin(), before.end(), [&](const auto& kind) {
      return kind != nullptr && kind->config.name == wanted.name && kind->config.actuator.kind == wanted.actuator.kind;
    });
    const FleetSettings settings = fleet_settings(pool_, wanted, config_.drain_max);
    if (known == before.end()) {
      kinds_.push_back(std::make_unique<Kind>(Kind{wanted, ReplicaFleet(settings, make_actuator_(wanted), view_)}));
      continue;
    }
    // What runs goes on: another command or URL is told of the same replicas.
    if (!reconfigure((*known)->fleet.actuator(), (*known)->config.actuator, wanted.actuator, wanted.most))
      (*known)->fleet.replace(make_actuator_(wanted));
    (*known)->config = wanted;
    (*known)->fleet.configure(settings);
    kinds_.push_back(std::move(*known));
  }
  for (const auto& kind : before) {
    if (kind != nullptr) kind->fleet.leave();
  }
}

void PoolScaling::configure(const ScaleConfig& config) {
  if (same_controllers(config, config_)) {
    scaler_.configure(scaler_settings(config));
  } else {
    scaler_ = make_scaler(config);
  }
  config_ = config;
  arrange_kinds();
}

void PoolScaling::hold(std::uint32_t replicas, Instant until) {
  held_at_ = replicas;
  held_until_ = until;
}

void PoolScaling::turn(const Moment& moment) {
  const ScaledPool::Sample sample = view_.sample();
  members_ = sample.members;
  for (const auto& kind : kinds_) look_after(*kind, moment.now, sample);
  ++samples_;
  if (!known() || !moment.decide) return;
  if (held_at_ && moment.now >= held_until_) held_at_.reset();
  if (held_at_) aim(moment.now, *held_at_, std::to_string(wanted()) + " -> " + std::to_string(*held_at_) + ": held by an operator");
  const bool woken = wanted() == 0 && sample.queued > 0;  // whoever waits for a first replica does not wait for a reading as well
  if (!read_once_ || woken || moment.now - read_at_ >= config_.every) decide(moment, sample);
}

void PoolScaling::look_after(Kind& kind, Instant now, const ScaledPool::Sample& sample) {
  const ScaledPool::Sample own = of_kind(sample, kind.config.name);
  kind.fleet.turn(now, own);
  in_flight_sum_ += kind.fleet.in_flight(own);
  for (const Duration took : kind.fleet.take_startups()) {
    startups_.add(took);
    scaler_.started(took);
    log::info("replica serves", {{"pool", pool_}, {"kind", kind.config.name}, {"after_s", seconds(took)}});
  }
}

bool PoolScaling::known() const {
  return std::all_of(kinds_.begin(), kinds_.end(), [](const auto& kind) { return kind->fleet.known(); });
}

std::uint32_t PoolScaling::wanted() const {
  double sum = 0;
  for (const auto& kind : kinds_) sum += kind->fleet.wanted() * kind->config.capacity;
  return rounded(sum);
}

std::uint32_t PoolScaling::ready() const {
  double sum = 0;
  for (const auto& kind : kinds_) sum += kind->fleet.ready() * kind->config.capacity;
  return rounded(sum);
}

Reading PoolScaling::read(const Moment& moment, const ScaledPool::Sample& sample) {
  const double elapsed_s = read_once_ ? seconds(moment.now - read_at_) : 0;
  // A pool that was removed a moment ago has counts of zero.
  const std::uint64_t arrivals = sample.arrivals - std::min(at_reading_.arrivals, sample.arrivals);
  const std::uint64_t answers = sample.answers - std::min(at_reading_.answers, sample.answers);
  Reading reading{.now = moment.now,
                  .arrivals_per_s = elapsed_s > 0 ? static_cast<double>(arrivals) / elapsed_s : 0,
                  .in_flight = in_flight_sum_ / std::max(samples_, 1U),
                  .queued = static_cast<double>(sample.queued),
                  .ready = ready(),
                  .starting = wanted() - std::min(ready(), wanted()),
                  .minute_of_week = moment.minute_of_week,
                  .speed = sample.speed};
  if (answers > 0) {
    reading.prompt_tokens = static_cast<double>(sample.prompt_tokens - at_reading_.prompt_tokens) / static_cast<double>(answers);
    reading.output_tokens = static_cast<double>(sample.output_tokens - at_reading_.output_tokens) / static_cast<double>(answers);
  } else if (reading_) {  // requests are what they were when there were any
    reading.prompt_tokens = reading_->prompt_tokens;
    reading.output_tokens = reading_->output_tokens;
  }
  at_reading_ = sample;
  read_at_ = moment.now;
  read_once_ = true;
  in_flight_sum_ = 0;
  samples_ = 0;
  return reading;
}

void PoolScaling::decide(const Moment& moment, const ScaledPool::Sample& sample) {
  if (read_once_ && moment.now - read_at_ < route::autoscale::ReadingGapMin) return;
  reading_ = read(moment, sample);
  decision_ = scaler_.decide(*reading_);
  if (!held_at_) aim(moment.now, decision_.desired, decision_.explain());
}

bool PoolScaling::others_start(const Kind& kind) const {
  return std::any_of(kinds_.begin(), kinds_.end(),
                     [&](const auto& other) { return other.get() != &kind && other->fleet.ready() < other->fleet.wanted(); });
}

void PoolScaling::aim(Instant now, std::uint32_t replicas, const std::string& why) {
  const std::uint32_t from = wanted();
  if (replicas == from) return;
  std::vector<route::autoscale::ReplicaKind> there;
  for (const auto& kind : kinds_) {
    there.push_back({.capacity = kind->config.capacity,
                     .price_per_hour = kind->config.price_per_hour,
                     .current = kind->fleet.wanted(),
                     .least = kind->config.least,
                     .most = kind->config.most});
  }
  const std::vector<std::uint32_t> counts = route::autoscale::spread_over_kinds(replicas, there);
  for (std::size_t i = 0; i < kinds_.size(); ++i) {
    if (counts[i] > there[i].current) kinds_[i]->fleet.aim(now, counts[i], why);
  }
  for (std::size_t i = 0; i < kinds_.size(); ++i) {
    if (counts[i] < there[i].current && !others_start(*kinds_[i])) kinds_[i]->fleet.aim(now, counts[i], why);
  }
  const std::uint32_t to = wanted();
  if (to == from) return;  // the kinds' own limits allow no other number
  (to > from ? grown_total_ += to - from : shrunk_total_ += from - to);
  changes_.push_back({.at = now, .from = from, .to = to, .why = why});
  if (changes_.size() > ChangesKept) changes_.pop_front();
  log::info("scaling", {{"pool", pool_}, {"from", from}, {"to", to}, {"why", why}});
}

ScalingStatus PoolScaling::status() const {
  std::vector<KindStatus> kinds;
  for (const auto& kind : kinds_)
    kinds.push_back({.name = kind->config.name, .capacity = kind->config.capacity, .fleet = kind->fleet.status()});
  return {.pool = pool_,
          .least = config_.limits.least,
          .most = config_.limits.most,
          .wanted = wanted(),
          .ready = ready(),
          .kinds = std::move(kinds),
          .reading = reading_,
          .decision = decision_,
          .startup = startups_.expected(),
          .grown_total = grown_total_,
          .shrunk_total = shrunk_total_,
          .held_at = held_at_,
          .held_until = held_until_,
          .changes = changes_,
          .members = members_};
}

}  // namespace evener::gateway
