#include "evener/telemetry/cells.h"

#include <sys/mman.h>

#include <cstdio>
#include <cstdlib>
#include <new>
#include <utility>

namespace evener::telemetry {

void use_shard(std::uint32_t index) { detail::this_shard = index; }

namespace detail {

void CellRef::add_double_shared(std::size_t cell, double x) const {
  if (base_ == nullptr) return;
  const std::atomic_ref<std::uint64_t> shared(base_[cell]);
  std::uint64_t old = shared.load(std::memory_order_relaxed);
  while (!shared.compare_exchange_weak(old, std::bit_cast<std::uint64_t>(std::bit_cast<double>(old) + x), std::memory_order_relaxed)) {
  }
}

CellArena::~CellArena() {
  for (std::uint64_t* chunk : chunks_) ::munmap(chunk, shards_ * ShardStride * sizeof(std::uint64_t));
}

std::uint64_t* CellArena::take(std::uint32_t count) {
  if (count == 0 || count > ShardStride) {
    std::fprintf(stderr, "a series of %u cells does not fit a chunk of %zu\n", count, ShardStride);
    std::abort();
  }
  const std::lock_guard lock(mutex_);
  std::vector<std::uint64_t*>& returned = free_[count];
  if (!returned.empty()) {
    std::uint64_t* base = returned.back();
    returned.pop_back();
    return base;
  }
  if (used_of_last_ + count > ShardStride) {
    void* memory = ::mmap(nullptr, shards_ * ShardStride * sizeof(std::uint64_t), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) throw std::bad_alloc();
    chunks_.push_back(static_cast<std::uint64_t*>(memory));
    used_of_last_ = 0;
  }
  std::uint64_t* base = chunks_.back() + used_of_last_;
  used_of_last_ += count;
  return base;
}

void CellArena::give_back(std::uint64_t* base, std::uint32_t count) {
  for (std::size_t shard = 0; shard < shards_; ++shard) {
    for (std::size_t cell = 0; cell < count; ++cell) {
      std::atomic_ref<std::uint64_t> used(base[shard * ShardStride + cell]);
      // Reading first keeps the pages of shards that never counted here unmapped.
      if (used.load(std::memory_order_relaxed) != 0) used.store(0, std::memory_order_relaxed);
    }
  }
  const std::lock_guard lock(mutex_);
  free_[count].push_back(base);
}

std::size_t CellArena::chunks() const {
  const std::lock_guard lock(mutex_);
  return chunks_.size();
}

Cells::Cells(std::shared_ptr<CellArena> arena, std::uint32_t count, std::shared_ptr<const std::vector<double>> bounds)
    : arena_(std::move(arena)), count_(count), bounds_(std::move(bounds)), base_(arena_->take(count)) {}

Cells::~Cells() { arena_->give_back(base_, count_); }

std::uint64_t Cells::total(std::size_t cell) const {
  std::uint64_t sum = 0;
  for (std::size_t shard = 0; shard < shards(); ++shard) {
    sum += std::atomic_ref<std::uint64_t>(base_[shard * ShardStride + cell]).load(std::memory_order_relaxed);
  }
  return sum;
}

double Cells::total_double(std::size_t cell) const {
  double sum = 0;
  for (std::size_t shard = 0; shard < shards(); ++shard) {
    sum += std::bit_cast<double>(std::atomic_ref<std::uint64_t>(base_[shard * ShardStride + cell]).load(std::memory_order_relaxed));
  }
  return sum;
}

}  // namespace detail
}  // namespace evener::telemetry
