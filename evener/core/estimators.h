#pragma once
// Smoothing of numbers that arrive at irregular times. Both estimators are told the time, and both forget with a time constant tau: what
// was learned tau ago has lost 63 % of its say. Neither knows what the numbers mean.

#include <algorithm>

#include "evener/core/portable_math.h"
#include "evener/core/time.h"

namespace evener {

/// Share of the past that is left after `elapsed`: 1 at once, 0.37 after tau, 0 after a long time. Time that runs backwards leaves 1.
[[nodiscard]] inline double decay(Duration elapsed, Duration tau) {
  if (elapsed <= Duration::zero()) return 1.0;
  return portable::exp(-static_cast<double>(elapsed.count()) / static_cast<double>(tau.count()));
}

/// Mean of the samples, each weighted by its age. Unlike the textbook x += a * (sample - x) it does not care how samples are spaced: ten
/// samples in one instant count ten times, and the first one is believed in full.
class DecayingMean {
 public:
  explicit DecayingMean(Duration tau) : tau_(tau) {}

  void add(double sample, Instant now) {
    const double kept = decay(now - at_, tau_);
    weight_ = weight_ * kept + 1.0;
    mean_ += (sample - mean_) / weight_;
    at_ = std::max(at_, now);
  }

  /// 0 before the first sample. Stays where it is while nothing arrives; only its inertia fades.
  [[nodiscard]] double value() const { return mean_; }
  [[nodiscard]] bool empty() const { return weight_ == 0.0; }

 private:
  Duration tau_;
  double mean_ = 0.0;
  double weight_ = 0.0;
  Instant at_{};
};

/// Peak EWMA (Finagle's PeakEwma, also in Linkerd): believes a worse sample at once and a better one only gradually, so that one slow
/// answer is enough to send traffic elsewhere. The state is a plain value, so that it can sit in a view.
struct PeakEwma {
  double value = 0.0;  // 0 = nothing observed yet; samples must be above 0
  Instant at{};        // of the last sample

  [[nodiscard]] bool empty() const { return value == 0.0; }

  void add(double sample, Instant now, Duration tau) {
    if (sample >= value) {
      value = sample;
    } else {
      const double kept = decay(now - at, tau);
      value = value * kept + sample * (1.0 - kept);
    }
    at = std::max(at, now);
  }

  /// What to believe at `now`: an observation without news drifts towards `prior`; without any observation it is `prior`. Finagle drifts
  /// to 0, which makes an endpoint that was left alone look infinitely fast and floods it until its first answer.
  [[nodiscard]] double at_time(Instant now, Duration tau, double prior) const {
    if (empty()) return prior;
    return prior + (value - prior) * decay(now - at, tau);
  }
};

}  // namespace evener
