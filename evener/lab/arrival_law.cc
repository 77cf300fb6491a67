#include "evener/lab/arrival_law.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "evener/core/portable_math.h"
#include "evener/lab/laws.h"

namespace evener::lab {
namespace {

enum Stream : std::uint64_t { DistanceStream = 1, BurstStream = 101 };

constexpr double Never = std::numeric_limits<double>::infinity();

/// Factors of the rate, constant between their changes, 1 on average.
class BurstRate {
 public:
  BurstRate(const Bursts& bursts, const Rng& rng) : bursts_(bursts), rng_(rng) {
    if (bursts_.ratio == 1) return;
    Rng draw = rng_.fork(0);
    in_burst_ = draw.uniform() < bursts_.share;
    ends_s_ = stay_s();
  }
  [[nodiscard]] double factor() const {
    if (bursts_.ratio == 1) return 1;
    return in_burst_ ? bursts_.burst_factor() : bursts_.calm_factor();
  }
  [[nodiscard]] double ends_s() const { return ends_s_; }
  void change() {
    in_burst_ = !in_burst_;
    ends_s_ += stay_s();
  }

 private:
  double stay_s() {
    Rng draw = rng_.fork(++changes_);
    return draw.exponential(in_burst_ ? bursts_.mean_s : bursts_.mean_s * (1 - bursts_.share) / bursts_.share);
  }

  Bursts bursts_;
  Rng rng_;
  bool in_burst_ = false;
  std::uint64_t changes_ = 0;
  double ends_s_ = Never;
};

class DailyRate {
 public:
  explicit DailyRate(const Daily& daily) : daily_(daily), step_s_(daily.day_s / Daily::StepsPerDay) {
    if (!daily_.flat()) ends_s_ = step_s_;
  }
  [[nodiscard]] double factor() const {
    if (daily_.flat()) return 1;
    const double days = daily_.begin + (static_cast<double>(step_) + 0.5) / Daily::StepsPerDay;
    const bool weekend = days - 7 * std::floor(days / 7) >= 5;
    const double of_day = 1 + daily_.swing * portable::cos_turns(days - daily_.peak);
    return of_day * (weekend ? daily_.weekend : 1) / daily_.week_mean();
  }
  [[nodiscard]] double ends_s() const { return ends_s_; }
  void change() {
    ++step_;
    ends_s_ = static_cast<double>(step_ + 1) * step_s_;
  }

 private:
  Daily daily_;
  double step_s_;
  std::uint64_t step_ = 0;
  double ends_s_ = Never;
};

/// Bends time: where the factor is 2, distances shrink to a half.
class Clock {
 public:
  Clock(const ArrivalLaw& law, const Rng& bursts) : bursts_(law.bursts, bursts), daily_(law.daily) {}

  /// So much of the unbent time later; not beyond `end_s`.
  double advance(double distance_s, double end_s) {
    while (now_s_ < end_s) {
      const double factor = bursts_.factor() * daily_.factor();
      const double change_s = std::min(bursts_.ends_s(), daily_.ends_s());
      const double room_s = factor * (change_s - now_s_);
      if (distance_s <= room_s && factor > 0) return now_s_ += distance_s / factor;
      distance_s -= room_s;
      now_s_ = change_s;
      if (bursts_.ends_s() == change_s) bursts_.change();
      if (daily_.ends_s() == change_s) daily_.change();
    }
    return now_s_;
  }

 private:
  BurstRate bursts_;
  DailyRate daily_;
  double now_s_ = 0;
};

}  // namespace

std::vector<ArrivalTime> arrival_times(const ArrivalLaw& law, const Rng& rng) {
  std::vector<ArrivalTime> times;
  const double shape = law.distances == ArrivalLaw::Distances::Weibull ? weibull_shape(law.cv) : 0;
  for (std::uint32_t stage = 0; stage < law.stages.size(); ++stage) {
    const auto [rate_per_s, duration_s] = law.stages[stage];
    const Rng draws = rng.fork(DistanceStream).fork(stage);
    Clock clock(law, rng.fork(BurstStream).fork(stage));
    for (std::uint64_t index = 0;; ++index) {
      Rng draw = draws.fork(index);
      const double distance_s = shape > 0 ? draw_weibull(draw, 1 / rate_per_s, shape) : draw_gamma(draw, 1 / rate_per_s, law.cv);
      const double at_s = clock.advance(distance_s, duration_s);
      if (!(at_s < duration_s)) break;
      times.push_back({.at = Duration(std::llround(at_s * 1e9)), .stage = stage});
    }
  }
  return times;
}

}  // namespace evener::lab
