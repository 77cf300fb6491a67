#pragma once
// EngineCache: what an engine's prefix cache really does, for tests of what the index thinks of it. A true LRU list over blocks; of one
// prompt the end is the oldest, because engines free blocks from the end.

#include <cstddef>
#include <cstdint>
#include <list>
#include <map>
#include <span>
#include <vector>

#include "evener/core/rng.h"

namespace evener::route {

class EngineCache {
 public:
  explicit EngineCache(std::size_t blocks_max) : blocks_max_(blocks_max) {}

  /// Runs a prompt; returns the leading blocks that were there.
  std::uint32_t run(std::span<const std::uint64_t> blocks) {
    std::uint32_t hits = 0;
    while (hits < blocks.size() && places_.contains(blocks[hits])) ++hits;
    for (std::size_t i = blocks.size(); i-- > 0;) touch(blocks[i]);
    return hits;
  }
  void touch(std::uint64_t block) {
    if (const auto found = places_.find(block); found != places_.end()) {
      recent_.splice(recent_.begin(), recent_, found->second);
      return;
    }
    recent_.push_front(block);
    places_[block] = recent_.begin();
    if (recent_.size() <= blocks_max_) return;
    places_.erase(recent_.back());
    recent_.pop_back();
  }

 private:
  std::size_t blocks_max_;
  std::list<std::uint64_t> recent_;
  std::map<std::uint64_t, std::list<std::uint64_t>::iterator> places_;
};

/// Conversations that take turns in random order: a common beginning, then a history that grows by every turn, until one is over and another
/// takes its place.
class Conversations {
 public:
  Conversations(std::size_t count, std::size_t common_blocks, std::size_t blocks_max, std::uint64_t seed)
      : rng_(seed), blocks_max_(blocks_max) {
    for (std::size_t i = 0; i < common_blocks; ++i) common_.push_back(rng_.next());
    open_.assign(count, common_);
  }

  /// The prompt of somebody's next turn.
  std::span<const std::uint64_t> next() {
    std::vector<std::uint64_t>& one = open_[rng_.below(open_.size())];
    if (one.size() >= blocks_max_) one = common_;
    for (std::uint64_t fresh = 1 + rng_.below(8); fresh > 0; --fresh) one.push_back(rng_.next());
    return one;
  }

 private:
  Rng rng_;
  std::size_t blocks_max_;
  std::vector<std::uint64_t> common_;
  std::vector<std::vector<std::uint64_t>> open_;
};

}  // namespace evener::route
