#pragma once
// The paged KV cache of one engine: a fixed number of blocks, shared by reference count, found again by the chained hash of their content
// until they are reused, least recently freed first. Counts blocks only; what a block holds is not modelled.

#include <cstdint>
#include <span>
#include <vector>

#include "evener/lab/block_table.h"

namespace evener::lab {

enum class BlockId : std::uint32_t {};

/// Told when blocks become findable and when they are forgotten.
class KvObserver {
 public:
  virtual ~KvObserver() = default;
  virtual void stored(std::uint64_t hash) = 0;
  virtual void evicted(std::uint64_t hash) = 0;
};

/// Not thread-safe. All operations O(1) per block. Conservation: used() + free() == size() always.
class KvCache {
 public:
  /// `blocks` at least 1. Without the prefix cache nothing is ever found.
  enum class Prefix : std::uint8_t { Off, On };
  KvCache(std::uint32_t blocks, Prefix prefix);

  /// nullptr = nobody. Outlives this, or is taken away before it goes.
  void observe(KvObserver* observer) { observer_ = observer; }

  struct Match {
    std::uint32_t blocks = 0;        // leading blocks that are present
    std::uint32_t unreferenced = 0;  // those of them that lie in the free list: taking them uses free blocks up
  };
  /// How far a prompt's chained hashes are present, from block 0 on.
  [[nodiscard]] Match match(std::span<const std::uint64_t> hashes) const;

  /// Takes a reference on the block with this hash, which match() has just found.
  [[nodiscard]] BlockId share(std::uint64_t hash);
  /// Takes a free block, forgetting what it held. Only when free() > 0.
  [[nodiscard]] BlockId allocate();
  /// The block is full and its content has this chained hash: later prompts may share it. If another block has the hash already, that one stays.
  void publish(BlockId block, std::uint64_t hash);
  /// Drops the references of one sequence, last block first, so that the end of a prompt is evicted before its beginning.
  void release(std::span<const BlockId> blocks);

  [[nodiscard]] std::uint32_t size() const { return static_cast<std::uint32_t>(blocks_.size()); }
  [[nodiscard]] std::uint32_t free() const { return free_; }
  [[nodiscard]] std::uint32_t used() const { return size() - free_; }

 private:
  static constexpr std::uint32_t None = 0xffffffffU;
  struct Block {
    std::uint32_t references = 0;
    std::uint32_t previous = None, next = None;  // in the free list, oldest first
    std::uint64_t hash = 0;
    bool hashed = false;
  };
  void unlink(std::uint32_t index);
  void append(std::uint32_t index);

  std::vector<Block> blocks_;
  BlockTable by_hash_;                        // at most one entry per block
  std::uint32_t oldest_ = None, newest_ = None, free_ = 0;
  Prefix prefix_;
  KvObserver* observer_ = nullptr;
};

}  // namespace evener::lab
