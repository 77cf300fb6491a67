#pragma once
// What goes into a pool's Scheduler and what comes out of it, as plain events: enough to feed a fresh Scheduler the same and to see whether it
// decides the same. Nothing of a prompt is here but hashes of its blocks and its length. What these look like as bytes: recording.h.

#include <cstdint>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include "evener/route/scheduler.h"

namespace evener::route::recorded {

/// The first event of a pool.
struct Began {
  std::string pool;
  PoolSettings settings;
  std::uint64_t seed = 0;
};
struct Configured {
  PoolSettings settings;
  Instant now{};
};
struct EndpointPut {
  EndpointId id{};
  EndpointSettings settings;
  Scheduler::Start start{};
  Instant now{};
};
struct EndpointRemoved {
  EndpointId id{};
  Instant now{};
};
struct WeightSet {
  EndpointId id{};
  double weight = 0;
  Instant now{};
};
struct DrainSet {
  EndpointId id{};
  Scheduler::Drain drain{};
  Instant now{};
};
struct Arrived {
  Arrival arrival;
  Instant now{};
  Decision decision;
};
struct Retried {
  RequestView request;
  std::span<const EndpointId> tried;
  Scheduler::Attempt attempt{};
  std::uint64_t cookie = 0;
  Instant now{};
  Decision decision;
};
struct FirstToken {
  EndpointId endpoint{};
  Share share;  // as it was given
  Duration since_dispatch{};
  Instant now{};
};
struct LoadReported {
  EndpointId endpoint{};
  LoadReport report;
  Instant now{};
};
/// Figures that came with an answer and complete the report before.
struct LoadNoted {
  EndpointId endpoint{};
  LoadReport report;
  Instant now{};
};
struct Finished {
  EndpointId endpoint{};
  Outcome outcome;
  Scheduler::Attempt attempt{};
  Instant now{};
};
struct Abandoned {
  std::uint64_t ticket = 0;
  Instant now{};
  bool waited = false;
};
struct Checked {
  EndpointId endpoint{};
  Scheduler::Check result{};
  Instant now{};
};
/// Time passed; also when somebody only looked, since the scheduler's time never goes back after that.
struct Ticked {
  Instant now{};
};
struct Released {
  Instant now{};
  std::vector<route::Released> requests;
};
struct Preempted {
  std::vector<Preempt> requests;
};
struct Explained {
  RequestView request;
  Instant now{};
};
struct PanicAsked {};
struct CacheStored {
  EndpointId endpoint{};
  std::span<const std::uint64_t> blocks;
};
struct CacheEvicted {
  EndpointId endpoint{};
  std::span<const std::uint64_t> blocks;
};
struct CacheFollowed {
  EndpointId endpoint{};
  PrefixKnowledge knowledge{};
};
struct CacheCleared {
  EndpointId endpoint{};
};
struct CacheCapacity {
  EndpointId endpoint{};
  double blocks = 0;
};
struct AllowanceTold {
  EndpointId endpoint{};
  Share share;
  RateAllowance allowance;
  Instant now{};
};
struct AdaptersReported {
  EndpointId endpoint{};
  std::span<const std::uint64_t> adapters;
  Instant now{};
};

/// New kinds go to the end: their place here is what stands in a recording.
using Event = std::variant<Began, Configured, EndpointPut, EndpointRemoved, WeightSet, DrainSet, Arrived, Retried, FirstToken, LoadReported,
                           Finished, Abandoned, Checked, Ticked, Released, Preempted, Explained, PanicAsked, CacheStored, CacheEvicted,
                           CacheFollowed, CacheCleared, CacheCapacity, AllowanceTold, AdaptersReported, LoadNoted>;

}  // namespace evener::route::recorded
