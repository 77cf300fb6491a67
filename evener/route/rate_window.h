#pragma once
// RateWindow: how much of one thing (requests, or tokens) may still be sent to somebody who limits it. The level falls with what we send and comes
// back evenly, as in a token bucket, or all at once when a window ends. What is not known limits nothing.

#include <optional>

#include "evener/core/rate_allowance.h"
#include "evener/core/time.h"

namespace evener::route {

class RateWindow {
 public:
  /// Where nobody said for how long: what providers' limits are per.
  static constexpr Duration UsualPeriod = std::chrono::minutes(1);

  /// A limit of our own, used up at once at most once per period. 0 = none.
  void limit_to(double limit, Duration period, Instant now);
  /// What the other side said remained before `sent_since` more was sent. Without a remaining figure nothing changes.
  void told(const RateAllowance::Figures& figures, double sent_since, Instant now);
  void take(double amount, Instant now);

  /// What may be sent now; nothing = it is not limited. May be negative.
  [[nodiscard]] std::optional<double> available(Instant now) const;
  /// Something larger than the whole limit may go when all of it is there, or it never could.
  [[nodiscard]] bool allows(double amount, Instant now) const { return !holds(now) || available_at(now) >= needed(amount) - Slack; }
  /// When it will, if nothing else is sent; `now` when it does.
  [[nodiscard]] Instant allows_at(double amount, Instant now) const;
  [[nodiscard]] double limit() const { return limit_; }  // 0 = unknown

 private:
  static constexpr double Slack = 1e-6;  // of a request or a token

  /// Of a window of which only the remainder is known, nothing is known once it has ended.
  [[nodiscard]] bool holds(Instant now) const { return known_ && (limit_ > 0 || now < reset_at_); }
  [[nodiscard]] double available_at(Instant now) const;
  [[nodiscard]] double needed(double amount) const { return limit_ > 0 && amount > limit_ ? limit_ : amount; }

  bool known_ = false;
  double limit_ = 0;
  double level_ = 0;  // at `at_`
  Instant at_{};
  double per_s_ = 0;  // comes back evenly; 0 = at `reset_at_`
  Instant reset_at_{};
  Duration period_ = UsualPeriod;  // from there to the next reset
};

}  // namespace evener::route
