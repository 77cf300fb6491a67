#pragma once
// Scaler: readings in, decisions out. The largest of the controllers' proposals, then what the pool allows: its pace (behaviour.h),
// cool-downs, the least life of a replica, its limits, and zero only after a time without requests. Each decision says which rule made it
// what it is. It starts and stops nothing.

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "evener/route/autoscale/behaviour.h"
#include "evener/route/autoscale/controller.h"

namespace evener::route::autoscale {

struct ScalerSettings {
  std::uint32_t least = 1, most = 100;  // replicas; least 0 allows none while nothing comes
  Behaviour behaviour = Behaviour::kubernetes();
  Duration up_cooldown{};    // after growing, before growing again
  Duration down_cooldown{};  // after any change, before shrinking
  Duration minimum_life{};   // of a replica
  Duration idle_before_zero = std::chrono::minutes(10);

  bool operator==(const ScalerSettings&) const = default;
};

enum class Rule : std::uint8_t {
  Proposed,      // as the controllers propose
  NothingKnown,  // no controller has a proposal
  TooSoon,       // less than ReadingGapMin after the last reading
  Stabilised,    // an earlier recommendation within the window is more careful
  Stepped,       // the step policies allow no more at once
  Cooling,       // a cool-down has not passed
  Young,         // replicas have not lived for their least time
  Least,         // the pool's least number
  Most,          // the pool's greatest number
  Woken,         // requests wait and there is no replica
  Idle,          // nothing has come for long enough
};
[[nodiscard]] std::string_view rule_name(Rule rule);

struct Vote {
  std::string_view controller;
  Proposal proposal;
};

struct Decision {
  std::uint32_t current = 0, desired = 0;
  Rule rule = Rule::Proposed;
  std::vector<Vote> votes;  // of the controllers that have one

  /// The largest vote; null when there is none.
  [[nodiscard]] const Vote* leader() const;
  /// For a log line or a person: "4 -> 6: forecast asks for 7 (62.1 at 9 per replica), stepped".
  [[nodiscard]] std::string explain() const;
};

/// Not thread-safe.
class Scaler {
 public:
  Scaler(ScalerSettings settings, std::vector<std::unique_ptr<Controller>> controllers);

  [[nodiscard]] Decision decide(const Reading& reading);
  /// A replica that was started serves now, so long after.
  void started(Duration took);
  /// Other limits, pace and cool-downs; what was learned and decided until now still counts.
  void configure(ScalerSettings settings);

 private:
  [[nodiscard]] bool too_soon(Instant now) const { return decided_ && now - last_ < ReadingGapMin; }
  [[nodiscard]] std::uint32_t recommend(const Reading& reading, Decision& decision);
  void restrain(const Reading& reading, Decision& decision) const;
  void remember(Instant now, const Decision& decision);

  struct Start {
    Instant at;
    std::uint32_t replicas;
  };
  ScalerSettings settings_;
  std::vector<std::unique_ptr<Controller>> controllers_;
  Pace pace_;
  std::deque<Start> starts_;  // of the latest minimum_life
  Instant last_{}, grew_{}, changed_{}, active_{};
  bool decided_ = false, has_grown_ = false, has_changed_ = false;
};

}  // namespace evener::route::autoscale
