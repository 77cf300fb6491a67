#pragma once
// SpendBook: money spent within a period, and a limit that holds. What a request may cost at most is reserved before it goes; when it ends the
// reservation gives way to what it did cost. Spent and reserved together never pass the limit, so it is passed by no more than a reservation was
// too small. Amounts are whole billionths of the operator's currency: sums of doubles would drift.

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "evener/core/time.h"

namespace evener::route {

using NanoMoney = std::int64_t;
inline constexpr double NanosPerUnit = 1e9;

/// What so many tokens cost at a price per million, rounded up.
[[nodiscard]] NanoMoney price_of(double tokens, double per_million);
/// An amount in the operator's currency, rounded to billionths.
[[nodiscard]] NanoMoney nanos(double amount);

struct SpendSettings {
  NanoMoney limit = 0;  // 0 = none: what is spent is counted all the same
  Duration per = std::chrono::hours(24);
  bool aligned = false;  // to whole periods from `phase` on, such as days; else any stretch of time of this length counts
  Instant phase{};

  bool operator==(const SpendSettings&) const = default;
};

class SpendBook {
 public:
  /// Of a sliding period: what was spent leaves it in so many steps, late by one step at most and never early.
  static constexpr std::int64_t Steps = 64;

  /// What was spent within the period so far stays, whatever the new period is.
  void configure(const SpendSettings& settings, Instant now);

  [[nodiscard]] bool allows(NanoMoney amount, Instant now) const;
  /// When it will, if nothing else is spent: `now` also where only reservations are in the way, since each may end at any moment. Nothing when
  /// the limit itself is too low.
  [[nodiscard]] std::optional<Instant> allows_at(NanoMoney amount, Instant now) const;

  void reserve(NanoMoney amount) { reserved_ += amount; }
  void settle(NanoMoney reserved, NanoMoney actual, Instant now);

  [[nodiscard]] NanoMoney spent(Instant now) const;  // within the period
  [[nodiscard]] NanoMoney reserved() const { return reserved_; }
  [[nodiscard]] NanoMoney total() const { return total_; }  // ever
  [[nodiscard]] const SpendSettings& settings() const { return settings_; }

 private:
  [[nodiscard]] std::int64_t step_of(Instant at) const;
  [[nodiscard]] Duration step() const { return settings_.aligned ? settings_.per : settings_.per / Steps; }
  [[nodiscard]] std::int64_t steps_kept() const { return settings_.aligned ? 1 : Steps + 1; }
  struct Slot {
    std::int64_t step = INT64_MIN;
    NanoMoney spent = 0;
  };
  static std::size_t place_of(std::int64_t step);

  SpendSettings settings_;
  std::array<Slot, static_cast<std::size_t>(Steps) + 1> slots_{};
  NanoMoney reserved_ = 0;
  NanoMoney total_ = 0;
};

}  // namespace evener::route
