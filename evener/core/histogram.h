#pragma once
// Histogram of whole numbers (nanoseconds, tokens, bytes) over the full 64-bit range in bounded memory: log-linear buckets as in HDR
// Histogram, 64 per power of two. A quantile is off by at most 0.8 % of its value; count, mean, least and greatest are exact.

#include <cstddef>
#include <cstdint>
#include <vector>

#include "evener/core/time.h"

namespace evener {

/// Not thread-safe: one per thread, merged by whoever reads.
class Histogram {
 public:
  /// Memory never exceeds this many 8-byte buckets (30 KiB); it grows with the greatest value recorded (17 KiB up to 100 s in ns).
  static constexpr std::size_t BucketsMax = 64 * (64 - 6 + 1);

  void record(std::uint64_t value, std::uint64_t times = 1);
  /// As nanoseconds; a negative duration counts as 0.
  void record(Duration value) { record(value.count() < 0 ? 0 : static_cast<std::uint64_t>(value.count())); }
  void merge(const Histogram& other);
  void clear();

  [[nodiscard]] std::uint64_t count() const { return count_; }
  /// Exact; 0 when nothing was recorded.
  [[nodiscard]] std::uint64_t min() const { return count_ == 0 ? 0 : min_; }
  [[nodiscard]] std::uint64_t max() const { return max_; }
  [[nodiscard]] double mean() const;
  [[nodiscard]] double sum() const { return static_cast<double>(sum_); }

  /// The least value that at least share q of the samples do not exceed; q below 0 counts as 0 (the least), above 1 as 1 (the greatest).
  [[nodiscard]] std::uint64_t quantile(double q) const;
  /// How many samples are at most `value`, exact up to one bucket's width; for cumulative buckets and for the share within a target.
  [[nodiscard]] std::uint64_t count_at_most(std::uint64_t value) const;

 private:
  __extension__ using Wide = unsigned __int128;  // 2^64 samples of 2^64 fit

  std::vector<std::uint64_t> buckets_;
  std::uint64_t count_ = 0;
  std::uint64_t min_ = ~std::uint64_t{0};
  std::uint64_t max_ = 0;
  Wide sum_ = 0;
};

}  // namespace evener
