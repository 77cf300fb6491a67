#include "evener/route/outlier.h"

#include <algorithm>
#include <cmath>

namespace evener::route {

void OutlierRecord::eject(const OutlierSettings& settings, Instant now) {
  // Beyond the count at which the longest ejection is reached more would only delay forgiveness.
  const Duration base = std::max(settings.base_ejection, Duration(1));
  const std::int64_t useful = std::max<std::int64_t>(1, (settings.max_ejection + base - Duration(1)) / base);
  unforgiven_ = static_cast<std::uint32_t>(std::min<std::int64_t>(unforgiven_ + std::int64_t{1}, std::min<std::int64_t>(useful, 1 << 20)));
  until_ = now + std::min(base * unforgiven_, std::max(base, settings.max_ejection));
  was_out_ = true;
  ++ejections_total_;
  consecutive_ = 0;
}

bool OutlierRecord::expire(Instant now) {
  if (!until_ || *until_ > now) return false;
  until_.reset();
  consecutive_ = 0;
  return true;
}

void OutlierRecord::interval_passed() {
  requests_ = 0;
  successes_ = 0;
  if (!was_out_ && unforgiven_ > 0) --unforgiven_;
  was_out_ = until_.has_value();
}

std::vector<std::uint32_t> success_rate_outliers(std::span<const RateSample> samples, const OutlierSettings& settings) {
  if (settings.success_rate_stdev_factor <= 0) return {};
  std::vector<RateSample> judged;
  for (const RateSample& sample : samples) {
    if (sample.requests > 0 && sample.requests >= settings.success_rate_min_requests) judged.push_back(sample);
  }
  if (judged.empty() || judged.size() < settings.success_rate_min_hosts) return {};

  double sum = 0;
  for (const RateSample& sample : judged) sum += sample.success_rate;
  const double mean = sum / static_cast<double>(judged.size());
  double squares = 0;
  for (const RateSample& sample : judged) squares += (sample.success_rate - mean) * (sample.success_rate - mean);
  const double threshold = mean - settings.success_rate_stdev_factor * std::sqrt(squares / static_cast<double>(judged.size()));

  std::erase_if(judged, [&](const RateSample& sample) { return sample.success_rate >= threshold; });
  std::sort(judged.begin(), judged.end(), [](const RateSample& a, const RateSample& b) {
    return a.success_rate != b.success_rate ? a.success_rate < b.success_rate : a.index < b.index;
  });
  std::vector<std::uint32_t> outliers;
  for (const RateSample& sample : judged) outliers.push_back(sample.index);
  return outliers;
}

std::size_t ejected_max(const OutlierSettings& settings, std::size_t endpoints) {
  return std::max<std::size_t>(1, static_cast<std::size_t>(std::max(0.0, settings.max_ejected_share) * static_cast<double>(endpoints)));
}

}  // namespace evener::route
