#include "evener/core/histogram.h"

#include <algorithm>
#include <bit>
#include <cmath>

namespace evener {
namespace {

// Values below 64 have a bucket each. Above, a power of two [2^e, 2^(e+1)) is cut into 64 buckets of width 2^(e-6); reporting the middle
// of a bucket is then off by at most half a width, 1/128 of the value.
constexpr unsigned SubBits = 6;
constexpr std::uint64_t SubCount = 1u << SubBits;

std::size_t bucket_of(std::uint64_t value) {
  if (value < SubCount) return value;
  const unsigned exponent = 63u - static_cast<unsigned>(std::countl_zero(value));
  const unsigned shift = exponent - SubBits;
  return (shift + 1) * SubCount + ((value >> shift) - SubCount);
}

std::uint64_t lowest_of(std::size_t bucket) {
  if (bucket < SubCount) return bucket;
  const std::uint64_t shift = bucket / SubCount - 1;
  return (bucket % SubCount + SubCount) << shift;
}

std::uint64_t middle_of(std::size_t bucket) {
  if (bucket < SubCount) return bucket;
  const std::uint64_t shift = bucket / SubCount - 1;
  return lowest_of(bucket) + ((std::uint64_t{1} << shift) >> 1);
}

}  // namespace

void Histogram::record(std::uint64_t value, std::uint64_t times) {
  if (times == 0) return;
  const std::size_t bucket = bucket_of(value);
  if (bucket >= buckets_.size()) buckets_.resize(std::min(BucketsMax, (bucket / SubCount + 1) * SubCount));
  buckets_[bucket] += times;
  count_ += times;
  min_ = std::min(min_, value);
  max_ = std::max(max_, value);
  sum_ += Wide{value} * times;
}

void Histogram::merge(const Histogram& other) {
  if (other.buckets_.size() > buckets_.size()) buckets_.resize(other.buckets_.size());
  for (std::size_t i = 0; i < other.buckets_.size(); ++i) buckets_[i] += other.buckets_[i];
  count_ += other.count_;
  min_ = std::min(min_, other.min_);
  max_ = std::max(max_, other.max_);
  sum_ += other.sum_;
}

void Histogram::clear() { *this = Histogram(); }

double Histogram::mean() const { return count_ == 0 ? 0.0 : static_cast<double>(sum_) / static_cast<double>(count_); }

std::uint64_t Histogram::quantile(double q) const {
  if (count_ == 0) return 0;
  if (!(q > 0.0)) return min_;
  if (q >= 1.0) return max_;
  const auto rank = std::max<std::uint64_t>(1, static_cast<std::uint64_t>(std::ceil(q * static_cast<double>(count_))));
  std::uint64_t seen = 0;
  for (std::size_t i = 0; i < buckets_.size(); ++i) {
    seen += buckets_[i];
    if (seen >= rank) return std::clamp(middle_of(i), min_, max_);
  }
  return max_;
}

std::uint64_t Histogram::count_at_most(std::uint64_t value) const {
  if (value >= max_) return count_;
  const std::size_t last = std::min(bucket_of(value), buckets_.empty() ? 0 : buckets_.size() - 1);
  std::uint64_t seen = 0;
  for (std::size_t i = 0; i <= last && i < buckets_.size(); ++i) seen += buckets_[i];
  return seen;
}

}  // namespace evener
