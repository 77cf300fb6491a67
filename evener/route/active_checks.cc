#include "evener/route/active_checks.h"

#include <algorithm>

namespace evener::route {

ActiveChecks::Change ActiveChecks::checked(Scheduler::Check result, const CheckSettings& settings) {
  const bool passed = result == Scheduler::Check::Passed;
  last_ = passed;
  const bool confirms = passed != down_;
  if (confirms) {
    in_a_row_ = 0;
    return Change::None;
  }
  const std::uint32_t needed = awaiting_ ? 1 : std::max(1u, passed ? settings.rise : settings.fall);
  if (++in_a_row_ < needed) return Change::None;
  in_a_row_ = 0;
  down_ = !passed;
  if (passed) awaiting_ = false;
  return passed ? Change::CameUp : Change::WentDown;
}

ActiveChecks::Change ActiveChecks::switched_off() {
  const bool was_down = down_;
  *this = ActiveChecks();
  return was_down ? Change::CameUp : Change::None;
}

}  // namespace evener::route
