#pragma once
// Where the cells of all series of a registry live: chunks that hold the same 512 cells once per shard. Only registry.cc needs this.

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <vector>

#include "evener/telemetry/metrics.h"

namespace evener::telemetry::detail {

/// Thread-safe. Chunks are mapped memory that becomes resident page by page, when a shard first counts in it.
class CellArena {
 public:
  explicit CellArena(std::uint32_t shards) : shards_(shards) {}
  ~CellArena();
  CellArena(const CellArena&) = delete;
  CellArena& operator=(const CellArena&) = delete;

  /// `count` zeroed cells (1..ShardStride) in every shard; the address of those of shard 0.
  std::uint64_t* take(std::uint32_t count);
  void give_back(std::uint64_t* base, std::uint32_t count);
  [[nodiscard]] std::uint32_t shards() const { return shards_; }
  [[nodiscard]] std::size_t chunks() const;

 private:
  const std::uint32_t shards_;
  mutable std::mutex mutex_;
  std::vector<std::uint64_t*> chunks_;
  std::size_t used_of_last_ = ShardStride;                           // cells; full at first, as there is no chunk
  std::map<std::uint32_t, std::vector<std::uint64_t*>> free_;        // by count
};

class Cells {
 public:
  Cells(std::shared_ptr<CellArena> arena, std::uint32_t count, std::shared_ptr<const std::vector<double>> bounds);
  ~Cells();
  Cells(const Cells&) = delete;
  Cells& operator=(const Cells&) = delete;

  [[nodiscard]] std::uint64_t* base() const { return base_; }
  [[nodiscard]] std::uint32_t shards() const { return arena_->shards(); }
  [[nodiscard]] const std::vector<double>& bounds() const { return *bounds_; }
  /// Sums over the shards. What is being counted meanwhile is in or not; nothing is counted twice.
  [[nodiscard]] std::uint64_t total(std::size_t cell) const;
  [[nodiscard]] double total_double(std::size_t cell) const;

 private:
  const std::shared_ptr<CellArena> arena_;
  const std::uint32_t count_;
  const std::shared_ptr<const std::vector<double>> bounds_;
  std::uint64_t* const base_;
};

}  // namespace evener::telemetry::detail
