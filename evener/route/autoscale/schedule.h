#pragma once
// Schedule: at least so many replicas at these times of the week. For loads whose time is known better than their size: office hours, a
// nightly batch. Give a start some minutes early, as replicas need their start-up time.

#include <array>
#include <cstdint>
#include <utility>
#include <vector>

#include "evener/route/autoscale/controller.h"

namespace evener::route::autoscale {

inline constexpr std::uint32_t MinutesOfDay = 24 * 60;
inline constexpr std::size_t ScheduleRulesMax = 100;

struct ScheduleRule {
  std::array<bool, 7> days{true, true, true, true, true, true, true};  // Monday first: on which it begins
  std::uint32_t from_minute = 0;                                       // of the day
  std::uint32_t until_minute = MinutesOfDay;                           // not itself; at or before from_minute: of the next day
  std::uint32_t replicas = 0;

  [[nodiscard]] bool applies(std::uint32_t minute_of_week) const;
  bool operator==(const ScheduleRule&) const = default;
};

class Schedule final : public Controller {
 public:
  explicit Schedule(std::vector<ScheduleRule> rules) : rules_(std::move(rules)) {}

  [[nodiscard]] std::string_view name() const override { return "schedule"; }
  /// The most of the rules that apply; nothing when none does.
  [[nodiscard]] std::optional<Proposal> propose(const Reading& reading) override;

 private:
  std::vector<ScheduleRule> rules_;
};

}  // namespace evener::route::autoscale
