#pragma once
// ActiveChecks: what the answers to health checks say about one endpoint. `fall` failures in a row take it down, `rise` successes bring
// it back; an endpoint that awaits its first good check needs only that one.

#include <cstdint>
#include <optional>

#include "evener/route/scheduler.h"

namespace evener::route {

class ActiveChecks {
 public:
  explicit ActiveChecks(Scheduler::Start start = Scheduler::Start::Healthy)
      : down_(start == Scheduler::Start::AwaitCheck), awaiting_(start == Scheduler::Start::AwaitCheck) {}

  enum class Change : std::uint8_t { None, WentDown, CameUp };
  Change checked(Scheduler::Check result, const CheckSettings& settings);
  /// Nobody checks any more: forgets what was found, an endpoint that was down is up.
  Change switched_off();

  [[nodiscard]] bool down() const { return down_; }
  /// Never had a good check although one was asked for: it may still be starting, so it says nothing about the pool's health.
  [[nodiscard]] bool awaiting() const { return awaiting_; }
  [[nodiscard]] std::optional<bool> last() const { return last_; }

 private:
  bool down_ = false;
  bool awaiting_ = false;
  std::uint32_t in_a_row_ = 0;  // results that speak against the present state
  std::optional<bool> last_;
};

}  // namespace evener::route
