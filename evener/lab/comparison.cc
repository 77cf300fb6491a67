#include "evener/lab/comparison.h"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <numbers>
#include <vector>

#include "evener/core/rng.h"

namespace evener::lab {
namespace {

// With five values the ends of an interval at 95 % are then the tenth of the resampled means from either side.
constexpr std::uint32_t Resamples = 10'000;

double normal_tail(double z) { return std::erfc(z / std::numbers::sqrt2) / 2; }

/// The z that a standard normal value exceeds with this chance of less than a half.
double normal_quantile(double tail) {
  double low = 0, high = 40;
  for (int i = 0; i < 64; ++i) {
    const double middle = (low + high) / 2;
    (normal_tail(middle) > tail ? low : high) = middle;
  }
  return low;
}

/// The t that Student's t exceeds with the chance with which a normal value exceeds z: Abramowitz and Stegun 26.7.5, within 0.05 % from 4 degrees of
/// freedom on.
double student_quantile(double z, double degrees) {
  const double z3 = z * z * z, z5 = z3 * z * z, z7 = z5 * z * z, z9 = z7 * z * z;
  const double d2 = degrees * degrees;
  return z + (z3 + z) / (4 * degrees) + (5 * z5 + 16 * z3 + 3 * z) / (96 * d2) +
         (3 * z7 + 19 * z5 + 17 * z3 - 15 * z) / (384 * d2 * degrees) +
         (79 * z9 + 776 * z7 + 1482 * z5 - 1920 * z3 - 945 * z) / (92160 * d2 * d2);
}

/// The tail to cut off so that the bootstrap's percentiles are as far apart as those of Student's t.
double widened_tail(double tail, std::size_t values) {
  const auto n = static_cast<double>(values);
  return normal_tail(std::sqrt(n / (n - 1)) * student_quantile(normal_quantile(tail), n - 1));
}

double quantile(const std::vector<double>& sorted, double share) {
  const double rank = std::ceil(share * static_cast<double>(sorted.size())) - 1;
  return sorted[static_cast<std::size_t>(std::clamp(rank, 0.0, static_cast<double>(sorted.size() - 1)))];
}

double mean_of_values(std::span<const double> values) {
  double sum = 0;
  for (const double value : values) sum += value;
  return sum / static_cast<double>(values.size());
}

std::uint32_t wanted(std::size_t seeds, double half_width, double half_width_wanted) {
  // A half-width shrinks with the root of the number of seeds.
  const double ratio = half_width_wanted > 0 ? half_width / half_width_wanted : SeedsWantedMax;
  const double count = std::ceil(static_cast<double>(seeds) * ratio * ratio);
  return static_cast<std::uint32_t>(std::min(std::max(count, static_cast<double>(seeds + 1)), double{SeedsWantedMax}));
}

}  // namespace

Interval mean_interval(std::span<const double> values, double confidence, std::uint64_t seed) {
  assert(values.size() >= 2 && confidence > 0 && confidence < 1);
  std::vector<double> means(Resamples);
  const Rng stream(seed);
  for (std::uint32_t resample = 0; resample < Resamples; ++resample) {
    Rng rng = stream.fork(resample);
    double sum = 0;
    for (std::size_t i = 0; i < values.size(); ++i) sum += values[rng.below(values.size())];
    means[resample] = sum / static_cast<double>(values.size());
  }
  std::sort(means.begin(), means.end());
  const double tail = widened_tail((1 - confidence) / 2, values.size());
  return {.low = quantile(means, tail), .high = quantile(means, 1 - tail)};
}

std::string_view verdict_name(Verdict verdict) {
  switch (verdict) {
    case Verdict::Win: return "win";
    case Verdict::Tie: return "tie";
    case Verdict::Loss: return "loss";
    case Verdict::Unclear: return "unclear";
  }
  return "unclear";
}

Comparison compare_paired(Figure figure, std::span<const double> baseline, std::span<const double> compared, const ComparisonRules& rules) {
  const FigureKind& kind = kind_of(figure);
  assert(baseline.size() == compared.size() && !baseline.empty() && kind.better != Better::Neither);
  Comparison result{.baseline = mean_of_values(baseline), .compared = mean_of_values(compared), .interval = {}};
  std::vector<double> differences(baseline.size());
  for (std::size_t i = 0; i < differences.size(); ++i) differences[i] = compared[i] - baseline[i];
  result.difference = mean_of_values(differences);
  result.matters = kind.is_share() ? rules.matters : rules.matters * std::abs(result.baseline);
  if (differences.size() < SeedsMin) {
    result.seeds_wanted = SeedsMin;
    return result;
  }
  const Interval interval = mean_interval(differences, rules.confidence, rules.seed);
  result.interval = interval;
  const double size = std::abs(result.difference);
  const bool more = interval.low > 0, less = interval.high < 0;
  if (interval.low >= -result.matters && interval.high <= result.matters) {
    result.verdict = Verdict::Tie;
  } else if (size >= result.matters && (more || less)) {
    result.verdict = more == (kind.better == Better::Higher) ? Verdict::Win : Verdict::Loss;
  } else {
    const double half_width = result.difference > 0 ? result.difference - interval.low : interval.high - result.difference;
    const double outer = std::max(interval.high - result.difference, result.difference - interval.low);
    result.seeds_wanted =
        size >= result.matters ? wanted(differences.size(), half_width, size) : wanted(differences.size(), outer, result.matters - size);
  }
  return result;
}

Comparison compare_runs(Figure figure, std::span<const Figures> baseline, std::span<const Figures> compared, const ComparisonRules& rules) {
  assert(baseline.size() == compared.size());
  std::vector<double> before, after;
  Comparison unclear;
  for (std::size_t i = 0; i < baseline.size(); ++i) {
    before.push_back(baseline[i][figure]);
    after.push_back(compared[i][figure]);
    if (!baseline[i].has(figure) || !compared[i].has(figure)) ++unclear.without;
  }
  if (unclear.without == 0) return compare_paired(figure, before, after, rules);
  unclear.baseline = mean_of_values(before);
  unclear.compared = mean_of_values(after);
  unclear.difference = unclear.compared - unclear.baseline;
  return unclear;
}

}  // namespace evener::lab
