#include "evener/gateway/replica_fleet.h"

#include <algorithm>
#include <tuple>

#include "evener/base/log.h"

namespace evener::gateway {
namespace {

using Member = ScaledPool::Member;

bool listed(const std::vector<std::string>& addresses, const std::string& one) {
  return std::find(addresses.begin(), addresses.end(), one) != addresses.end();
}

}  // namespace

ReplicaFleet::ReplicaFleet(FleetSettings settings, std::unique_ptr<actuators::Actuator> actuator, ScaledPool& pool)
    : settings_(std::move(settings)), actuator_(std::move(actuator)), pool_(pool) {}

void ReplicaFleet::turn(Instant now, const ScaledPool::Sample& sample) {
  sample_ = sample;
  if (now >= next_look_ && now >= retry_at_) observe(now);
  if (!known_) return;
  follow_addresses(now, sample);
  count_ready(now, sample);
  stop_drained(now, sample);
  ask(now);
}

void ReplicaFleet::aim(Instant now, std::uint32_t replicas, std::string reason) {
  reason_ = std::move(reason);
  if (replicas > wanted_) grow(replicas - wanted_);
  if (replicas < wanted_) shrink(now, wanted_ - replicas);
  ask(now);
}

std::uint32_t ReplicaFleet::in_flight(const ScaledPool::Sample& sample) const {
  if (!addressed_) return sample.in_flight;
  std::uint32_t sum = 0;
  for (const Member& member : sample.members) sum += member.in_flight;
  return sum;
}

void ReplicaFleet::leave() {
  for (const std::string& url : there_.endpoints) pool_.leave(url);
}

// What is there ------------------------------------------------------------------------------------------------------------------------

void ReplicaFleet::observe(Instant now) {
  next_look_ = now + settings_.observe;
  if (!actuator_->observes()) {
    // Before the first wish, what serves now is the best that is known.
    if (!known_) observed({.desired = sample_.healthy, .ready = sample_.healthy, .endpoints = {}, .trouble = {}});
    return;
  }
  const auto found = actuator_->observe();
  if (!found) return failed(now, found.error());
  observed(*found);
}

void ReplicaFleet::observed(const actuators::Replicas& replicas) {
  const bool changed_elsewhere = known_ && failures_ == 0 && replicas.desired != there_.desired;
  if (changed_elsewhere) {
    log::warn("replicas changed by somebody else", {{"pool", settings_.pool}, {"from", there_.desired}, {"to", replicas.desired}});
  }
  if (changed_elsewhere || !known_) {
    const auto leaving = static_cast<std::uint32_t>(draining_.size() + stopping_.size());
    wanted_ = replicas.desired - std::min(leaving, replicas.desired);
  }
  there_ = replicas;
  known_ = true;
  addressed_ = addressed_ || !replicas.endpoints.empty();
  if (to_be_there() == there_.desired) succeeded();  // else what failed is still to be asked for
}

void ReplicaFleet::succeeded() {
  failures_ = 0;
  error_.clear();
}

void ReplicaFleet::failed(Instant now, const actuators::ActuatorError& error) {
  constexpr std::uint32_t DoublingsMax = 16;
  Duration pause = std::min(RetryMin * (1U << std::min(failures_, DoublingsMax)), RetryMax);
  if (error.may_retry == MayRetry::No) pause = RetryMax;  // somebody has to change something, and may
  if (error.retry_after) pause = std::max(pause, std::min(*error.retry_after, RetryAfterMax));
  ++failures_;
  ++failures_total_;
  retry_at_ = now + pause;
  error_ = error.message;
  log::warn("scaling failed",
            {{"pool", settings_.pool}, {"actuator", actuator_->kind()}, {"error", error.message}, {"retry_s", seconds(pause)}});
}

void ReplicaFleet::follow_addresses(Instant now, const ScaledPool::Sample& sample) {
  const std::vector<std::string>& there = there_.endpoints;
  std::erase_if(stopping_, [&](const std::string& url) { return !listed(there, url); });
  // All that are left are to stay: what was drained was not stopped, because the call failed and the load came back, or another one went.
  if (there.size() <= to_be_there()) stopping_.clear();
  std::erase_if(draining_, [&](const auto& one) { return !listed(there, one.first); });
  std::erase_if(checked_since_, [&](const auto& one) { return !listed(there, one.first); });
  for (const Member& member : sample.members) {
    if (!listed(there, member.url)) pool_.leave(member.url);
  }
  for (const std::string& url : there) {
    const bool known = std::any_of(sample.members.begin(), sample.members.end(), [&](const Member& member) { return member.url == url; });
    if (known || stopping_.contains(url)) continue;
    checked_since_.try_emplace(url, now);
    pool_.join(url, settings_.kind);
  }
}

void ReplicaFleet::count_ready(Instant now, const ScaledPool::Sample& sample) {
  const auto begins_to_serve = [&](Instant since) {
    startups_.push_back(now - since);
    if (!grown_.empty()) grown_.pop_front();
  };
  if (!addressed_) {  // nothing but the pool's own count tells
    const std::uint32_t before = ready_;
    ready_ = std::min(std::max(there_.ready, sample.healthy), wanted_);
    for (std::uint32_t i = before; i < ready_ && !grown_.empty(); ++i) begins_to_serve(grown_.front());
    return;
  }
  ready_ = 0;
  for (const Member& member : sample.members) {
    if (member.state != Member::State::Serving) continue;
    if (member.healthy) ++ready_;
    const auto checked = checked_since_.find(member.url);
    if (checked == checked_since_.end()) continue;
    begins_to_serve(grown_.empty() ? checked->second : grown_.front());
    checked_since_.erase(checked);
  }
  ready_ = std::min(ready_, wanted_);
}

// What should be there -----------------------------------------------------------------------------------------------------------------

void ReplicaFleet::grow(std::uint32_t by) {
  wanted_ += by;
  // Those that are on their way out and still serve are the quickest to have.
  while (by > 0 && !draining_.empty()) {
    pool_.drain(draining_.begin()->first, ScaledPool::Drain::No);
    draining_.erase(draining_.begin());
    --by;
  }
  unasked_ += by;
}

void ReplicaFleet::shrink(Instant now, std::uint32_t by) {
  wanted_ -= by;
  std::vector<Member> members = sample_.members;
  std::erase_if(members, [&](const Member& member) { return member.state == Member::State::Draining || draining_.contains(member.url); });
  // Replicas without an address do not serve yet: those go first, and the actuator knows them. Then whoever is only checked, then whoever has least to do.
  const auto known = static_cast<std::uint32_t>(members.size());
  const std::uint32_t unknown = wanted_ + by > known ? wanted_ + by - known : 0;
  for (std::uint32_t i = 0; i < by; ++i) {
    if (unasked_ > 0) {
      --unasked_;
    } else if (!grown_.empty()) {
      grown_.pop_back();
    }
  }
  if (!addressed_ || by <= unknown) return;
  std::sort(members.begin(), members.end(), [](const Member& a, const Member& b) {
    const bool a_serves = a.state == Member::State::Serving, b_serves = b.state == Member::State::Serving;
    return std::tie(a_serves, a.in_flight, a.url) < std::tie(b_serves, b.in_flight, b.url);
  });
  for (std::uint32_t i = 0; i < std::min<std::uint32_t>(by - unknown, known); ++i) {
    pool_.drain(members[i].url, ScaledPool::Drain::Yes);
    draining_.emplace(members[i].url, now + settings_.drain_max);
  }
}

void ReplicaFleet::stop_drained(Instant now, const ScaledPool::Sample& sample) {
  for (const Member& member : sample.members) {
    const auto found = draining_.find(member.url);
    if (found == draining_.end()) continue;
    // Only a sample from after the drain knows of all that was sent there.
    const bool empty = member.state == Member::State::Draining && member.in_flight == 0;
    if (!empty && now < found->second) continue;
    if (!empty)
      log::warn("replica stopped with requests in flight",
                {{"pool", settings_.pool}, {"url", member.url}, {"in_flight", member.in_flight}});
    stopping_.insert(member.url);
    draining_.erase(found);
    pool_.leave(member.url);
  }
}

void ReplicaFleet::ask(Instant now) {
  const std::uint32_t replicas = to_be_there();
  if (!known_ || replicas == there_.desired || now < retry_at_) return;
  const auto set =
      actuator_->set({.pool = settings_.pool, .replicas = replicas, .reason = reason_, .stop_first = {stopping_.begin(), stopping_.end()}});
  if (!set) return failed(now, set.error());
  grown_.insert(grown_.end(), std::exchange(unasked_, 0), now);
  const std::vector<std::string> before = std::exchange(there_.endpoints, {});
  there_ = *set;
  there_.desired = replicas;
  if (there_.endpoints.empty() && actuator_->observes()) {  // it was done and nothing said of addresses: whoever knows them is asked next
    there_.endpoints = before;
    next_look_ = now;
  }
  addressed_ = addressed_ || !there_.endpoints.empty();
  succeeded();
}

FleetStatus ReplicaFleet::status() const {
  return {.actuator = actuator_->kind(),
          .wanted = wanted_,
          .ready = ready_,
          .draining = static_cast<std::uint32_t>(draining_.size()),
          .desired = there_.desired,
          .trouble = error_.empty() ? there_.trouble : error_,
          .failures = failures_,
          .failures_total = failures_total_,
          .retry_at = failures_ > 0 ? std::optional(retry_at_) : std::nullopt};
}

}  // namespace evener::gateway
