#pragma once
// RecordedScheduler: a Scheduler of which everything that goes in and comes out can be recorded. It has every call of a Scheduler that changes
// something, and gives no other way to it, so that none can be forgotten in a recording. Without one it costs a comparison per call.

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "evener/route/recorded_events.h"
#include "evener/route/scheduler.h"

namespace evener::route {

/// Takes the chunks of one pool's recording.
class RecordingSink {
 public:
  virtual ~RecordingSink() = default;
  /// Whole events, in the order in which the scheduler saw them. False: the recording is over. Must not block: a scheduler's lock is held.
  virtual bool take(std::string_view payload) = 0;
};

/// Not thread-safe, like the Scheduler.
class RecordedScheduler {
 public:
  /// Nothing is recorded when `sink` is nullptr.
  RecordedScheduler(std::string_view pool, const PoolSettings& settings, std::uint64_t seed, std::unique_ptr<RecordingSink> sink = nullptr);
  ~RecordedScheduler() { flush(); }
  RecordedScheduler(const RecordedScheduler&) = delete;
  RecordedScheduler& operator=(const RecordedScheduler&) = delete;

  // As in Scheduler.
  void configure(const PoolSettings& settings, Instant now);
  void put_endpoint(EndpointId id, const EndpointSettings& settings, Instant now, Scheduler::Start start = Scheduler::Start::Healthy);
  void remove_endpoint(EndpointId id, Instant now);
  void set_weight(EndpointId id, double weight, Instant now);
  void set_drain(EndpointId id, Scheduler::Drain drain, Instant now);
  [[nodiscard]] Decision arrived(const Arrival& arrival, Instant now);
  [[nodiscard]] Decision retry(const RequestView& request, std::span<const EndpointId> tried, Instant now,
                               Scheduler::Attempt attempt = Scheduler::Attempt::Retry, std::uint64_t cookie = 0);
  void first_token(EndpointId endpoint, Share& share, Duration since_dispatch, Instant now);
  void load_reported(EndpointId endpoint, const LoadReport& report, Instant now);
  void load_noted(EndpointId endpoint, const LoadReport& report, Instant now);
  void finished(EndpointId endpoint, const Outcome& outcome, Scheduler::Attempt attempt, Instant now);
  void allowance_told(EndpointId endpoint, const Share& share, const RateAllowance& allowance, Instant now);
  void adapters_reported(EndpointId endpoint, std::span<const std::uint64_t> adapters, Instant now);
  bool abandoned(std::uint64_t ticket, Instant now);
  void checked(EndpointId endpoint, Scheduler::Check result, Instant now);
  /// Also hands over what was recorded, so that a recording is never much older than the calls of this.
  void tick(Instant now);
  void release(std::vector<Released>& out, Instant now);
  void preempt(std::vector<Preempt>& out);

  // What engines say of their caches; as in PrefixIndex.
  void cache_stored(EndpointId endpoint, std::span<const std::uint64_t> blocks);
  void cache_evicted(EndpointId endpoint, std::span<const std::uint64_t> blocks);
  void cache_followed(EndpointId endpoint, PrefixKnowledge knowledge);
  void cache_cleared(EndpointId endpoint);
  void cache_capacity(EndpointId endpoint, double blocks);

  // Looking in, which may bring the scheduler's time forward.
  [[nodiscard]] std::vector<EndpointStatus> status(Instant now);
  [[nodiscard]] std::array<ClassStatus, Priorities> classes(Instant now);
  [[nodiscard]] Explanation explain(const RequestView& request, Instant now);
  [[nodiscard]] SpendStatus spend(Instant now);
  [[nodiscard]] bool in_panic();
  [[nodiscard]] std::size_t queued() const { return scheduler_.queued(); }
  [[nodiscard]] std::uint32_t in_flight() const { return scheduler_.in_flight(); }
  [[nodiscard]] std::string_view policy() const { return scheduler_.policy(); }
  [[nodiscard]] const PoolSettings& settings() const { return scheduler_.settings(); }
  [[nodiscard]] bool knows(EndpointId id) const { return scheduler_.knows(id); }
  [[nodiscard]] const PrefixIndex& prefixes() { return scheduler_.prefixes(); }
  void explain_to(Explainer* explainer) { scheduler_.explain_to(explainer); }

 private:
  [[nodiscard]] bool recording() const { return sink_ != nullptr; }
  template <class Make>
  void note(Make make) {
    if (recording()) [[unlikely]]
      write(make());
  }
  void write(const recorded::Event& event);
  void flush();

  Scheduler scheduler_;
  std::unique_ptr<RecordingSink> sink_;
  std::string pending_;
};

}  // namespace evener::route
