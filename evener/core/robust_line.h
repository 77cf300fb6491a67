#pragma once
// RobustLine: learns y = base + slope * x from samples that arrive one by one, with old ones fading and outliers cut. Least squares with
// exponential forgetting; a sample further from the line than a few times its usual error counts only up to there (Huber's clipping), so that
// one hiccup moves nothing. Several with none on the other side between them are no hiccup: the line is learned anew, with all that was before
// counting like one sample. Both base and slope stay at 0 or above, because times do. The line passes through the mean of the samples; how
// steeply, few of them or such of about the same x hardly tell, so a prior can be given: that y is proportional to x.

#include <algorithm>
#include <cmath>
#include <cstdint>

namespace evener {

class RobustLine {
 public:
  static constexpr double Trusted = 8;           // samples before outliers are cut
  static constexpr double ClipAt = 3;            // times the usual error
  static constexpr double SmallestError = 0.02;  // of the value: exact samples must not make every later change an outlier
  static constexpr int ChangeAfter = 16;         // outliers on one side, none on the other between them; bursts of load bring runs of ten

  /// `memory`: after so many samples the older ones have lost 63 % of their say. > 1. `proportional`: the prior that the line passes through the
  /// origin counts like so many samples before the first; 0 = no prior, and the slope is 0 until two samples differ in x.
  explicit RobustLine(double memory, double proportional = 0)
      : keep_(1.0 - 1.0 / memory), proportional_(proportional), prior_(proportional) {}

  /// x and y are finite and at least 0.
  void add(double x, double y) {
    const double line = at(x);
    double sample = y;
    if (fresh_ >= Trusted) {
      const double reach = ClipAt * std::max(error_, SmallestError * line);
      sample = std::clamp(y, line - reach, line + reach);
      const int side = y > sample ? 1 : y < sample ? -1 : 0;
      if (side != 0) {
        strayed_ = side * strayed_ > 0 ? strayed_ + side : side;
      } else if ((y - line) * strayed_ <= 0) {
        strayed_ = 0;  // only one on the other side speaks against a change: short requests lie within reach after one, too
      }
      error_ += (std::min(std::abs(y - line), 4 * reach) - error_) * (1.0 - keep_) * 2.0;
      if (std::abs(strayed_) >= ChangeAfter) {
        begin_anew(1);
        sample = y;
      }
    } else {
      error_ += (std::abs(y - line) - error_) / (fresh_ + 1.0);
    }
    fresh_ = std::min(fresh_ + 1.0, 1e9);
    count_ = std::min(count_ + 1.0, 1e9);
    weight_ = weight_ * keep_ + 1.0;
    prior_ *= keep_;
    x_ += (x - x_) / weight_;
    y_ += (sample - y_) / weight_;
    // Second moments about zero, faded alike; taken about the means when they are read.
    xx_ = xx_ * keep_ + x * x;
    xy_ = xy_ * keep_ + x * sample;
    solve();
  }

  /// From here on all that was learned counts no more than a hundredth of a sample.
  void doubt() { begin_anew(0.01); }

  [[nodiscard]] double at(double x) const { return base_ + slope_ * x; }
  [[nodiscard]] double base() const { return base_; }
  [[nodiscard]] double slope() const { return slope_; }
  [[nodiscard]] double samples() const { return count_; }
  [[nodiscard]] bool empty() const { return count_ == 0.0; }

 private:
  void begin_anew(double weight) {
    if (empty()) return;
    xx_ *= weight / weight_;
    xy_ *= weight / weight_;
    weight_ = weight;
    prior_ = proportional_;
    fresh_ = 0;
    strayed_ = 0;
  }

  void solve() {
    // Least squares through the means, with the prior slope y_ / x_ as if `prior_` samples had said so from x_ away.
    const double spread = xx_ - weight_ * x_ * x_ + prior_ * x_ * x_;
    const double together = xy_ - weight_ * x_ * y_ + prior_ * x_ * y_;
    // Samples that all have about the same x say nothing of the slope: without a prior the one that was learned stays.
    if (spread > 1e-6 * std::max(xx_, 1e-30)) slope_ = std::max(together / spread, 0.0);
    base_ = y_ - slope_ * x_;
    if (base_ < 0) {
      base_ = 0;
      if (xx_ > 0) slope_ = std::max(xy_ / xx_, 0.0);  // the best line through the origin
    }
  }

  double keep_, proportional_;
  double prior_;  // what is left of it
  double weight_ = 0, x_ = 0, y_ = 0, xx_ = 0, xy_ = 0;
  double base_ = 0, slope_ = 0, error_ = 0;
  double count_ = 0;  // samples
  double fresh_ = 0;  // since the start or the latest change
  int strayed_ = 0;   // outliers since one lay on the other side; below 0: under the line
};

}  // namespace evener
