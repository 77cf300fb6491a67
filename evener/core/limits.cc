#include "evener/core/limits.h"

#include <algorithm>

namespace evener {
namespace {

constexpr int RecentSamples = 20;
constexpr double LightGain = 0.02;   // light load is remembered over about 50 samples
constexpr double OutlierFactor = 8;  // a single sample counts as no more than this times the recent mean
constexpr double RoundMin = 8;       // samples

}  // namespace

GradientLimit::GradientLimit(const GradientLimitSettings& settings)
    : settings_(settings), limit_(std::clamp(settings.first, settings.least, settings.most)) {}

void GradientLimit::sample(std::size_t kind, double latency, double in_flight) {
  Latency& seen = latencies_[kind];
  if (seen.recent_samples >= RecentSamples) latency = std::min(latency, OutlierFactor * seen.recent);
  seen.recent_samples = std::min(seen.recent_samples + 1, RecentSamples);
  seen.recent += (latency - seen.recent) / seen.recent_samples;

  // Light enough that a server whose latency grows in proportion to its load cannot drag the reference, and with it the limit, upwards for ever.
  const bool light = in_flight <= std::max(settings_.least, limit_ / (2 * settings_.slowdown_max));
  if (light && !seen.light_seen) {
    seen.light = latency;
    seen.light_seen = true;
  } else if (light) {
    seen.light += (latency - seen.light) * LightGain;
  } else if (seen.recent_samples == RecentSamples && (seen.light == 0 || seen.recent < seen.light)) {
    seen.light = seen.recent;
  }

  since_change_ += 1;
  const double slow = slowdown();
  if (slow == 0) return;
  if (slow > settings_.slowdown_max) {
    shrink(settings_.slowdown_max / slow);
  } else if (in_flight >= UsedShare * limit_) {
    limit_ = std::min(limit_ + 1 / std::max(limit_, 1.0), settings_.most);
  }
}

void GradientLimit::congested() {
  since_change_ += 1;
  shrink(ShrinkMax);
}

void GradientLimit::shrink(double factor) {
  if (since_change_ < std::max(limit_, RoundMin)) return;
  limit_ = std::max(limit_ * std::max(factor, ShrinkMax), settings_.least);
  since_change_ = 0;
}

double GradientLimit::slowdown() const {
  double worst = 0;
  for (const Latency& seen : latencies_) {
    if (seen.recent_samples == RecentSamples && seen.light > 0) worst = std::max(worst, seen.recent / seen.light);
  }
  return worst;
}

}  // namespace evener
