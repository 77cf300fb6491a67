#include "evener/core/output_estimate.h"

#include <algorithm>
#include <cmath>

#include "evener/core/portable_math.h"

namespace evener {

namespace {

constexpr double BucketsPerDoubling = 4.0;

double bucket_top(std::size_t bucket) { return portable::exp2(static_cast<double>(bucket + 1) / BucketsPerDoubling); }

double limit(const OutputBounds& bounds) { return bounds.tokens_max == 0 ? HUGE_VAL : static_cast<double>(bounds.tokens_max); }

double choices(const OutputBounds& bounds) { return std::max(1.0, static_cast<double>(bounds.choices)); }

}  // namespace

std::size_t OutputEstimate::kind(const OutputBounds& bounds) {
  std::size_t kind = 0;
  if (bounds.tokens_max != 0) {
    kind = 1;
    for (const std::uint32_t most : {32U, 256U, 1024U, 4096U}) kind += bounds.tokens_max > most ? 1U : 0U;
  }
  return kind * 2 + (bounds.stream ? 1 : 0);
}

void OutputEstimate::Lengths::add(double length) {
  const double exact = std::floor(portable::log2(length) * BucketsPerDoubling);
  const auto bucket = static_cast<std::size_t>(std::clamp(exact, 0.0, static_cast<double>(Buckets - 1)));
  buckets[bucket] += 1.0F;
  count += 1.0;
  sum += length;
  if (count < AnswersMax) return;
  for (float& weight : buckets) weight *= 0.5F;
  count *= 0.5;
  sum *= 0.5;
}

void OutputEstimate::learn(const OutputBounds& bounds, std::uint64_t reported) {
  if (reported == 0) return;
  // Beyond the last bucket an answer is as long as that; one of millions must not decide the mean.
  const double length = std::clamp(static_cast<double>(reported) / choices(bounds), 1.0, bucket_top(Buckets - 1));
  all_.add(length);
  kinds_[kind(bounds)].add(length);
  ++reports_;
}

double OutputEstimate::mean(const OutputBounds& bounds) const {
  const double most = limit(bounds);
  const double prior = (PriorMax - PriorMin) / portable::log(PriorMax / PriorMin);
  const double general = (all_.sum + PriorAnswers * prior) / (all_.count + PriorAnswers);
  const Lengths& own = kinds_[kind(bounds)];
  const double mean = (own.sum + PriorAnswers * std::min(general, most)) / (own.count + PriorAnswers);
  return std::max(1.0, std::min(mean, most)) * choices(bounds);
}

double OutputEstimate::quantile(const OutputBounds& bounds, double q) const {
  const Lengths& own = kinds_[kind(bounds)];
  const auto first = static_cast<std::size_t>(portable::log2(PriorMin) * BucketsPerDoubling);
  const auto end = static_cast<std::size_t>(portable::log2(PriorMax) * BucketsPerDoubling);
  const double prior = PriorAnswers / static_cast<double>(end - first);
  const double general = PriorAnswers / (all_.count + PriorAnswers);
  double left = std::clamp(q, 0.0, 1.0) * (own.count + PriorAnswers);
  std::size_t bucket = 0;
  for (; bucket + 1 < Buckets; ++bucket) {
    const double before = static_cast<double>(all_.buckets[bucket]) + (bucket >= first && bucket < end ? prior : 0.0);
    left -= static_cast<double>(own.buckets[bucket]) + general * before;
    if (left <= 1e-9) break;
  }
  return std::max(1.0, std::min(bucket_top(bucket), limit(bounds))) * choices(bounds);
}

}  // namespace evener
