#pragma once
// Handles to the values that are counted while requests pass: Counter, UpDown, Gauge, Histogram. A handle is resolved once (Registry)
// and kept; using it takes no lock. Each worker thread has a shard, a stretch of memory that it alone writes, so that counting is a
// plain load, add and store; the scrape adds the shards up. Threads that claimed no shard share shard 0 with atomic read-modify-writes.

#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <utility>

namespace evener::telemetry {

/// From now on the calling thread, and no other thread that writes to the same Registry, counts in shard `index` (1..workers of the
/// registry). 0 gives the shard back. An index that a registry does not have counts in shard 0 there, which is correct and slower.
void use_shard(std::uint32_t index);

namespace detail {

inline constinit thread_local std::uint32_t this_shard = 0;

/// Distance between the same cell of two shards, in cells: 4 KiB, so that no two threads write to one cache line (nor to two lines that
/// the prefetcher fetches as a pair).
inline constexpr std::size_t ShardStride = 512;

/// The cells of one series. Owned by the registry and by every handle: memory is used anew only when all of them are gone, so that a
/// handle to a series that was dropped counts into nothing instead of into another series.
class Cells;

/// What the hot path needs of a series.
class CellRef {
 public:
  CellRef() = default;
  CellRef(std::uint64_t* base, std::uint32_t shards, std::shared_ptr<const Cells> owner)
      : base_(base), shards_(shards), owner_(std::move(owner)) {}

  void add(std::size_t cell, std::uint64_t n) const {
    const std::uint32_t shard = this_shard;
    if (shard - 1U < shards_ - 1U) [[likely]] {  // 1 <= shard < shards_, in one comparison
      const std::atomic_ref<std::uint64_t> own(base_[shard * ShardStride + cell]);
      own.store(own.load(std::memory_order_relaxed) + n, std::memory_order_relaxed);
    } else if (base_ != nullptr) {
      std::atomic_ref<std::uint64_t>(base_[cell]).fetch_add(n, std::memory_order_relaxed);
    }
  }

  /// The cell holds the bits of a double.
  void add_double(std::size_t cell, double x) const {
    const std::uint32_t shard = this_shard;
    if (shard - 1U < shards_ - 1U) [[likely]] {
      const std::atomic_ref<std::uint64_t> own(base_[shard * ShardStride + cell]);
      const double sum = std::bit_cast<double>(own.load(std::memory_order_relaxed)) + x;
      own.store(std::bit_cast<std::uint64_t>(sum), std::memory_order_relaxed);
    } else if (base_ != nullptr) {
      add_double_shared(cell, x);
    }
  }

  void add_double_shared(std::size_t cell, double x) const;

  void store_shared(std::size_t cell, std::uint64_t bits) const {
    if (base_ != nullptr) std::atomic_ref<std::uint64_t>(base_[cell]).store(bits, std::memory_order_relaxed);
  }

 private:
  std::uint64_t* base_ = nullptr;
  std::uint32_t shards_ = 1;  // shard 0 and the workers'; 1 makes a default handle count into nothing
  std::shared_ptr<const Cells> owner_;
};

}  // namespace detail

/// Only grows. Handles of every kind: cheap to use from any thread, dear to copy (a shared count), and a default one does nothing.
class Counter {
 public:
  Counter() = default;
  explicit Counter(detail::CellRef cells) : cells_(std::move(cells)) {}
  void add(std::uint64_t n = 1) const { cells_.add(0, n); }

 private:
  detail::CellRef cells_;
};

/// A whole number that goes up and down by steps, such as requests in flight; shown as a gauge. One thread may add what another takes.
class UpDown {
 public:
  UpDown() = default;
  explicit UpDown(detail::CellRef cells) : cells_(std::move(cells)) {}
  void add(std::int64_t n = 1) const { cells_.add(0, static_cast<std::uint64_t>(n)); }
  void subtract(std::int64_t n = 1) const { add(-n); }

 private:
  detail::CellRef cells_;
};

/// A value that is set. Not sharded, since "the last one set" has to be one cell; for what changes seldom.
class Gauge {
 public:
  Gauge() = default;
  explicit Gauge(detail::CellRef cells) : cells_(std::move(cells)) {}
  void set(double value) const { cells_.store_shared(0, std::bit_cast<std::uint64_t>(value)); }
  void add(double x) const { cells_.add_double_shared(0, x); }

 private:
  detail::CellRef cells_;
};

/// A classic Prometheus histogram: counts per bucket with fixed upper bounds, and the sum. O(buckets) per observation; NaN is ignored.
class Histogram {
 public:
  Histogram() = default;
  Histogram(detail::CellRef cells, std::span<const double> bounds) : cells_(std::move(cells)), bounds_(bounds) {}

  void observe(double value) const {
    if (value != value) [[unlikely]] return;
    std::size_t bucket = 0;
    while (bucket < bounds_.size() && value > bounds_[bucket]) ++bucket;
    cells_.add(bucket, 1);
    cells_.add_double(bounds_.size() + 1, value);
  }

 private:
  detail::CellRef cells_;
  std::span<const double> bounds_;  // kept alive by the owner of the cells
};

}  // namespace evener::telemetry
