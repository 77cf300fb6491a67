#include "evener/lab/kv_cache.h"

#include <cstdlib>

namespace evener::lab {
namespace {

std::uint32_t index_of(BlockId id) { return static_cast<std::uint32_t>(id); }

// A broken count of blocks would make every later figure wrong without a sign; this check stays on in release builds.
void require(bool invariant) {
  if (!invariant) std::abort();
}

}  // namespace

KvCache::KvCache(std::uint32_t blocks, Prefix prefix) : blocks_(blocks), by_hash_(blocks), prefix_(prefix) {
  require(blocks >= 1 && blocks < None);
  for (std::uint32_t i = 0; i < blocks; ++i) append(i);
}

KvCache::Match KvCache::match(std::span<const std::uint64_t> hashes) const {
  Match result;
  if (prefix_ == Prefix::Off) return result;
  for (const std::uint64_t hash : hashes) {
    const std::uint32_t found = by_hash_.find(hash);
    if (found == BlockTable::None) break;
    ++result.blocks;
    if (blocks_[found].references == 0) ++result.unreferenced;
  }
  return result;
}

BlockId KvCache::share(std::uint64_t hash) {
  const std::uint32_t found = by_hash_.find(hash);
  require(found != BlockTable::None);
  Block& block = blocks_[found];
  if (block.references == 0) unlink(found);
  ++block.references;
  return BlockId{found};
}

BlockId KvCache::allocate() {
  require(free_ > 0);
  const std::uint32_t index = oldest_;
  unlink(index);
  Block& block = blocks_[index];
  if (block.hashed) {
    by_hash_.erase(block.hash);
    block.hashed = false;
    if (observer_ != nullptr) observer_->evicted(block.hash);
  }
  block.references = 1;
  return BlockId{index};
}

void KvCache::publish(BlockId id, std::uint64_t hash) {
  if (prefix_ == Prefix::Off) return;
  Block& block = blocks_[index_of(id)];
  require(block.references > 0);
  if (block.hashed) return;
  if (!by_hash_.insert(hash, index_of(id))) return;
  block.hash = hash;
  block.hashed = true;
  if (observer_ != nullptr) observer_->stored(hash);
}

void KvCache::release(std::span<const BlockId> blocks) {
  for (auto it = blocks.rbegin(); it != blocks.rend(); ++it) {
    Block& block = blocks_[index_of(*it)];
    require(block.references > 0);
    if (--block.references == 0) append(index_of(*it));
  }
}

void KvCache::unlink(std::uint32_t index) {
  Block& block = blocks_[index];
  (block.previous == None ? oldest_ : blocks_[block.previous].next) = block.next;
  (block.next == None ? newest_ : blocks_[block.next].previous) = block.previous;
  block.previous = block.next = None;
  --free_;
}

void KvCache::append(std::uint32_t index) {
  Block& block = blocks_[index];
  block.previous = newest_;
  block.next = None;
  (newest_ == None ? oldest_ : blocks_[newest_].next) = index;
  newest_ = index;
  ++free_;
}

}  // namespace evener::lab
