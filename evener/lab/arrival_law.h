#pragma once
// When made-up requests come: a renewal process (Poisson, gamma, Weibull) whose time may run faster and slower, in bursts (a Markov-modulated
// Poisson process and its kin) and through the days of a week. Open loop: nothing here knows when answers end.

#include <algorithm>
#include <cstdint>
#include <vector>

#include "evener/core/rng.h"
#include "evener/core/time.h"

namespace evener::lab {

/// Requests come at this rate for so long; a later stage begins when all requests of the earlier ones are done.
struct Stage {
  double rate_per_s = 1;
  double duration_s = 60;
};

/// A second state in which requests come `ratio` times as often; both last exponentially long. With Poisson arrivals a two-state MMPP.
struct Bursts {
  double ratio = 1;    // 1 = none
  double share = 0.1;  // of the time
  double mean_s = 30;  // of a burst

  /// The factors of the rate between bursts and in them; 1 on average.
  [[nodiscard]] double calm_factor() const { return 1 / (1 + share * (ratio - 1)); }
  [[nodiscard]] double burst_factor() const { return calm_factor() * ratio; }
  [[nodiscard]] double changes_per_s() const { return ratio == 1 ? 0 : 2 * share / mean_s; }
};

/// A rate that goes up and down like a cosine once a day, and is lower at weekends.
struct Daily {
  double swing = 0;       // of the day's mean: 0 = none, 1 = nothing at all comes at the quietest hour
  double weekend = 1;     // the rate of Saturdays and Sundays over that of other days
  double day_s = 86'400;  // so that a simulated week need not take one
  double peak = 0.6;      // of the day
  double begin = 0;       // when the load begins, in days after Monday 0:00

  static constexpr double StepsPerDay = 288;  // the rate changes every five minutes of a day of usual length

  [[nodiscard]] bool flat() const { return swing == 0 && weekend == 1; }
  /// Of the days of a week, over that of a working day.
  [[nodiscard]] double week_mean() const { return (5 + 2 * weekend) / 7; }
  /// The greatest factor of the rate; 1 on average.
  [[nodiscard]] double peak_factor() const { return (1 + swing) * std::max(1.0, weekend) / week_mean(); }
  [[nodiscard]] double changes_per_s() const { return flat() ? 0 : StepsPerDay / day_s; }
};

/// The rates are means: over a long time bursts and days change when requests come, not how many.
struct ArrivalLaw {
  std::vector<Stage> stages = {{}};
  enum class Distances : std::uint8_t { Gamma, Weibull };
  Distances distances = Distances::Gamma;
  double cv = 1;  // of the distances, before bursts and days; 1 = Poisson, 0 = a fixed rate, above 1 clustered
  Bursts bursts;
  Daily daily;
};

struct ArrivalTime {
  Duration at{};  // since its stage began
  std::uint32_t stage = 0;
};

/// In order of stage and time. Each draw is keyed by what it is for, so that a longer run begins like a shorter one.
[[nodiscard]] std::vector<ArrivalTime> arrival_times(const ArrivalLaw& law, const Rng& rng);

}  // namespace evener::lab
