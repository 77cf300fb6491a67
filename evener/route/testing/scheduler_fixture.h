#pragma once
// SchedulerFixture: a scheduler with a hand-set clock and short words for what happens to it, so that tests read like a story.

#include <doctest/doctest.h>

#include <cstdint>
#include <initializer_list>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "evener/route/scheduler.h"

namespace evener::route {

class SchedulerFixture {
 public:
  explicit SchedulerFixture(PoolSettings settings = {}, std::uint64_t seed = 1) : scheduler(std::move(settings), seed) {}

  /// Endpoints 1..count.
  SchedulerFixture& with(std::uint32_t count, const EndpointSettings& settings = {}) {
    for (std::uint32_t id = 1; id <= count; ++id) put(id, settings);
    return *this;
  }
  void put(std::uint32_t id, const EndpointSettings& settings = {}, Scheduler::Start start = Scheduler::Start::Healthy) {
    scheduler.put_endpoint(EndpointId{id}, settings, now, start);
  }
  void pass(Duration time) {
    now += time;
    scheduler.tick(now);
  }

  Decision arrive(const RequestView& request = {}) { return scheduler.arrived({.request = request, .cookie = ++cookie}, now); }
  /// The endpoint's id, or 0 when the request was not dispatched.
  std::uint32_t send(const RequestView& request = {}) { return endpoint_of(arrive(request)); }
  Decision retry(std::initializer_list<std::uint32_t> tried, const RequestView& request = {}) {
    std::vector<EndpointId> ids;
    for (std::uint32_t id : tried) ids.push_back(EndpointId{id});
    return scheduler.retry(request, ids, now);
  }
  void finish(std::uint32_t id, const Outcome& outcome = {}, Scheduler::Attempt attempt = Scheduler::Attempt::First) {
    scheduler.finished(EndpointId{id}, outcome, attempt, now);
  }
  /// Requests go to `id` and fail, whatever the policy would choose; needs the policy to reach it.
  void fail(std::uint32_t id, int times, Ending ending = Ending::ServerError, Duration retry_after = {}) {
    for (int done = 0; done < times;) {
      const std::uint32_t chosen = send();
      REQUIRE(chosen != 0);
      if (chosen == id) {
        finish(id, {.ending = ending, .retry_after = retry_after});
        ++done;
      } else {
        finish(chosen, {.ending = Ending::Cancelled});
      }
    }
  }
  void check(std::uint32_t id, Scheduler::Check result, int times = 1) {
    for (int i = 0; i < times; ++i) scheduler.checked(EndpointId{id}, result, now);
  }
  void take_down(std::uint32_t id) { check(id, Scheduler::Check::Failed, 3); }
  std::vector<Released> release() {
    std::vector<Released> out;
    scheduler.release(out, now);
    return out;
  }

  EndpointStatus status(std::uint32_t id) const {
    for (const EndpointStatus& status : scheduler.status(now)) {
      if (status.id == EndpointId{id}) return status;
    }
    FAIL("no such endpoint");
    return {};
  }
  std::string_view filtered_by(std::uint32_t id, const RequestView& request = {}) const {
    for (const EndpointExplanation& one : scheduler.explain(request, now).endpoints) {
      if (one.id == EndpointId{id}) return left_out_name(one.left_out);
    }
    return "unknown";
  }

  template <class Variant>
  static std::uint32_t endpoint_of(const Variant& decision) {
    const auto* dispatch = std::get_if<Dispatch>(&decision);
    return dispatch == nullptr ? 0 : static_cast<std::uint32_t>(dispatch->endpoint);
  }
  template <class Variant>
  static Refusal refusal_of(const Variant& decision) {
    const auto* refusal = std::get_if<Refusal>(&decision);
    REQUIRE(refusal != nullptr);
    return *refusal;
  }
  template <class Variant>
  static std::string_view refused_for(const Variant& decision) {
    const auto* refusal = std::get_if<Refusal>(&decision);
    return refusal == nullptr ? "not refused" : refusal_name(refusal->reason);
  }
  static bool is_queued(const Decision& decision) { return std::holds_alternative<Queued>(decision); }

  Instant now = Instant{} + std::chrono::seconds(1000);
  Scheduler scheduler;
  std::uint64_t cookie = 0;
};

}  // namespace evener::route
