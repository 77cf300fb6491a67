#include "evener/route/hedging.h"

#include <algorithm>
#include <cmath>

#include "evener/core/portable_math.h"

namespace evener::route {
namespace {

constexpr double FirstBound_s = 1e-3;
constexpr double PerOctave = 8;

}  // namespace

void Hedging::configure(const HedgingSettings& settings) {
  settings_ = settings;
  credit_ = std::min(credit_, CreditTokensMax);
  stale_ = true;
}

void Hedging::sent(double tokens) {
  if (settings_.enabled) credit_ = std::min(credit_ + settings_.budget_share * tokens, CreditTokensMax);
}

void Hedging::refund(double tokens) { credit_ = std::min(credit_ + tokens, CreditTokensMax); }

void Hedging::first_token(Duration latency) { record(latency); }

void Hedging::gave_up(Duration waited) {
  const std::optional<Duration> late = delay();
  if (late && waited >= *late) record(waited);
}

void Hedging::record(Duration latency) {
  if (!settings_.enabled) return;
  if (count_ >= SamplesKept) {
    count_ = 0;
    for (std::uint32_t& count : counts_) count_ += count /= 2;
  }
  const double octaves = portable::log2(std::max(seconds(latency) / FirstBound_s, 1.0));
  ++counts_[std::min(static_cast<std::size_t>(octaves * PerOctave), Buckets - 1)];
  ++count_;
  stale_ = true;
}

std::optional<Duration> Hedging::delay() {
  if (!settings_.enabled || count_ < SamplesMin) return std::nullopt;
  if (!stale_) return delay_;
  stale_ = false;
  const auto wanted = static_cast<std::uint32_t>(std::ceil(settings_.quantile * count_));
  std::uint32_t below = 0;
  std::size_t bucket = 0;
  while (bucket + 1 < Buckets && (below += counts_[bucket]) < wanted) ++bucket;
  const double upper_s = FirstBound_s * portable::exp2(static_cast<double>(bucket + 1) / PerOctave);
  delay_ = std::clamp(from_seconds(upper_s), settings_.delay_min, std::max(settings_.delay_min, settings_.delay_max));
  return delay_;
}

}  // namespace evener::route
