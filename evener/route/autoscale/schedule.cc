#include "evener/route/autoscale/schedule.h"

#include <algorithm>

namespace evener::route::autoscale {

bool ScheduleRule::applies(std::uint32_t minute_of_week) const {
  const std::uint32_t day = minute_of_week / MinutesOfDay % 7, minute = minute_of_week % MinutesOfDay;
  const bool over_midnight = until_minute <= from_minute;
  if (days[day] && minute >= from_minute && (over_midnight || minute < until_minute)) return true;
  return over_midnight && days[(day + 6) % 7] && minute < until_minute;
}

std::optional<Proposal> Schedule::propose(const Reading& reading) {
  std::optional<Proposal> proposal;
  for (const ScheduleRule& rule : rules_) {
    if (!rule.applies(reading.minute_of_week)) continue;
    if (!proposal) proposal.emplace();
    proposal->replicas = std::max(proposal->replicas, rule.replicas);
  }
  return proposal;
}

}  // namespace evener::route::autoscale
