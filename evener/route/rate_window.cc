#include "evener/route/rate_window.h"

#include <algorithm>

namespace evener::route {

void RateWindow::limit_to(double limit, Duration period, Instant now) {
  if (limit <= 0) {
    *this = RateWindow();
    return;
  }
  // A change of the limit leaves used what was used.
  const double used = known_ ? std::max(limit_ - available_at(now), 0.0) : 0.0;
  known_ = true;
  limit_ = limit;
  level_ = limit - used;
  at_ = now;
  per_s_ = limit / seconds(period);
}

void RateWindow::told(const RateAllowance::Figures& figures, double sent_since, Instant now) {
  if (!figures.remaining) return;
  const double remaining = *figures.remaining;
  known_ = true;
  if (figures.limit) limit_ = *figures.limit;
  limit_ = std::max(limit_, remaining);
  level_ = remaining - sent_since;
  at_ = now;
  const Duration reset = std::max(figures.reset.value_or(UsualPeriod), Duration::zero());
  period_ = std::max({figures.window.value_or(UsualPeriod), reset, Duration(std::chrono::seconds(1))});
  reset_at_ = now + reset;
  if (!figures.gradual) {
    per_s_ = 0;
  } else if (limit_ > remaining && reset > Duration::zero()) {
    per_s_ = (limit_ - remaining) / seconds(reset);
  } else if (per_s_ == 0) {
    per_s_ = limit_ / seconds(UsualPeriod);  // all of it is there, so nothing shows how fast it comes back
  }
}

void RateWindow::take(double amount, Instant now) {
  if (!holds(now)) return;
  level_ = available_at(now) - amount;
  at_ = std::max(at_, now);
  if (per_s_ > 0) return;
  while (reset_at_ <= now) reset_at_ += period_ * std::max<std::int64_t>((now - reset_at_) / period_, 1);
}

double RateWindow::available_at(Instant now) const {
  if (per_s_ > 0) return std::min(std::max(limit_, level_), level_ + per_s_ * seconds(std::max(now - at_, Duration::zero())));
  return now < reset_at_ ? level_ : std::max(limit_, level_);
}

std::optional<double> RateWindow::available(Instant now) const { return holds(now) ? std::optional(available_at(now)) : std::nullopt; }

Instant RateWindow::allows_at(double amount, Instant now) const {
  if (allows(amount, now)) return now;
  if (per_s_ <= 0) return reset_at_;
  return at_ + from_seconds((needed(amount) - level_) / per_s_) + std::chrono::milliseconds(1);  // on the safe side of rounding
}

}  // namespace evener::route
