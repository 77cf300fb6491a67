#include "evener/route/kv_tree.h"

#include <algorithm>

namespace evener::route {

KvTree::Index KvTree::find(std::uint64_t hash) const {
  const auto found = by_hash_.find(hash);
  return found == by_hash_.end() ? None : found->second;
}

KvTree::Index KvTree::anchored(std::uint64_t block) const {
  const auto found = anchors_.find(block);
  return found == anchors_.end() ? None : found->second;
}

KvTree::Index KvTree::add(std::uint64_t hash, Index parent) {
  if (by_hash_.size() >= KvNodesMax) {
    ++overflowed_;
    return None;
  }
  Index index = 0;
  if (unused_.empty()) {
    index = static_cast<Index>(nodes_.size());
    nodes_.emplace_back();
  } else {
    index = unused_.back();
    unused_.pop_back();
  }
  Node& node = nodes_[index];
  node = Node{};
  node.hash = hash;
  node.parent = parent;
  if (parent != None) {
    node.next = nodes_[parent].child;
    if (node.next != None) nodes_[node.next].previous = index;
    nodes_[parent].child = index;
  }
  by_hash_.emplace(hash, index);
  return index;
}

void KvTree::store(const Stored& stored, std::vector<Index>& fresh) {
  fresh.clear();
  const std::uint32_t place = 1U << std::min(stored.place, KvPlacesMax - 1);
  Index parent = None;
  if (stored.parent) {
    parent = find(*stored.parent);
    if (parent == None) {
      // It was stored before we listened, or in a message that is lost; what hangs from it could not be computed without it.
      parent = add(*stored.parent, None);
      if (parent == None) return;
      nodes_[parent].places = place;
      nodes_[parent].adapter = stored.adapter;
      ++resident_blocks_;
    }
  }
  for (std::size_t i = 0; i < stored.blocks.size(); ++i) {
    Index index = find(stored.blocks[i]);
    const bool known = index != None;
    if (!known) {
      index = add(stored.blocks[i], parent);
      if (index == None) return;
    }
    adopt(index, parent);
    Node& node = nodes_[index];
    const bool was_there = node.places != 0;
    node.places |= place;
    if (node.length == 0) {
      node.length = stored.block_tokens;
      node.adapter = stored.adapter;
      if (was_there) resident_tokens_ += node.length;
      if (!stored.parent && i == 0) node.end = node.length;
      if (!stored.tokens.empty()) {
        const auto own = stored.tokens.subspan(i * stored.block_tokens, stored.block_tokens);
        node.tokens.assign(own.begin(), own.end());
      }
    }
    if (!was_there) {
      ++resident_blocks_;
      resident_tokens_ += node.length;
      fresh.push_back(index);
      if (known) revive(index);
    }
    parent = index;
  }
}

/// A block that was known only as somebody's parent gets its own. What would close a circle is not true, whoever says it.
void KvTree::adopt(Index index, Index parent) {
  if (parent == None || nodes_[index].parent != None || nodes_[index].end != 0 || on_path(index, parent)) return;
  Node& node = nodes_[index];
  node.parent = parent;
  node.next = nodes_[parent].child;
  if (node.next != None) nodes_[node.next].previous = index;
  nodes_[parent].child = index;
}

/// A block that had gone is back: so is what hangs from it, if the engine did not say otherwise of that.
void KvTree::revive(Index index) {
  if (!reachable(index)) return;
  changed_.clear();
  scratch_.assign(1, index);
  while (!scratch_.empty()) {
    const Index at = scratch_.back();
    scratch_.pop_back();
    if (nodes_[at].places == 0) continue;
    for (Anchor& anchor : nodes_[at].anchors) {
      if (anchor.origin != Origin::Text || anchor.announced) continue;  // those of token ids wait for a request that names them
      anchor.announced = true;
      changed_.push_back(anchor.block);
    }
    for (Index child = nodes_[at].child; child != None; child = nodes_[child].next) scratch_.push_back(child);
  }
  if (!changed_.empty()) listener_.stored(endpoint_, changed_);
}

bool KvTree::remove(std::uint64_t hash, std::uint32_t place) {
  const Index index = find(hash);
  if (index == None) return false;
  Node& node = nodes_[index];
  if (node.places == 0) return true;
  node.places &= ~(1U << std::min(place, KvPlacesMax - 1));
  if (node.places != 0) return true;
  --resident_blocks_;
  resident_tokens_ -= node.length;
  changed_.clear();
  withdraw_below(index);
  if (!changed_.empty()) listener_.evicted(endpoint_, changed_);
  release(index);
  return true;
}

void KvTree::withdraw_below(Index index) {
  scratch_.assign(1, index);
  while (!scratch_.empty()) {
    const Index at = scratch_.back();
    scratch_.pop_back();
    for (Anchor& anchor : nodes_[at].anchors) {
      if (!anchor.announced) continue;
      anchor.announced = false;
      changed_.push_back(anchor.block);
    }
    for (Index child = nodes_[at].child; child != None; child = nodes_[child].next) scratch_.push_back(child);
  }
}

/// Gives a block's place up once nothing hangs from it, and that of parents that only waited for it.
void KvTree::release(Index index) {
  while (index != None && nodes_[index].places == 0 && nodes_[index].child == None) {
    const Index parent = nodes_[index].parent;
    unlink(index);
    for (const Anchor& anchor : nodes_[index].anchors) anchors_.erase(anchor.block);
    by_hash_.erase(nodes_[index].hash);
    nodes_[index] = Node{};
    unused_.push_back(index);
    index = parent;
  }
}

void KvTree::unlink(Index index) {
  const Node& node = nodes_[index];
  if (node.parent != None && nodes_[node.parent].child == index) nodes_[node.parent].child = node.next;
  if (node.previous != None) nodes_[node.previous].next = node.next;
  if (node.next != None) nodes_[node.next].previous = node.previous;
}

void KvTree::clear() {
  nodes_.clear();
  unused_.clear();
  by_hash_.clear();
  anchors_.clear();
  resident_blocks_ = 0;
  resident_tokens_ = 0;
}

std::uint32_t KvTree::end_of(Index index) {
  scratch_.clear();
  Index at = index;
  while (at != None && nodes_[at].end == 0) {
    scratch_.push_back(at);
    at = nodes_[at].parent;
  }
  if (at == None) return 0;
  std::uint32_t end = nodes_[at].end;
  for (auto it = scratch_.rbegin(); it != scratch_.rend(); ++it) {
    end += nodes_[*it].length;
    nodes_[*it].end = end;
  }
  return end;
}

void KvTree::path_to(Index index, std::vector<Index>& path) const {
  path.clear();
  for (Index at = index; at != None; at = nodes_[at].parent) path.push_back(at);
  std::ranges::reverse(path);
}

bool KvTree::reachable(Index index) const {
  for (Index at = index; at != None; at = nodes_[at].parent) {
    if (nodes_[at].places == 0) return false;
  }
  return true;
}

bool KvTree::on_path(Index ancestor, Index index) const {
  for (Index at = index; at != None; at = nodes_[at].parent) {
    if (at == ancestor) return true;
  }
  return false;
}

KvTree::Index KvTree::common(Index one, Index other) const {
  const auto depth = [&](Index index) {
    std::size_t steps = 0;
    for (; index != None; index = nodes_[index].parent) ++steps;
    return steps;
  };
  std::size_t first = depth(one), second = depth(other);
  for (; first > second; --first) one = nodes_[one].parent;
  for (; second > first; --second) other = nodes_[other].parent;
  while (one != other) {
    one = nodes_[one].parent;
    other = nodes_[other].parent;
  }
  return one;
}

void KvTree::drop_anchor(std::uint64_t block, Index index) {
  std::erase_if(nodes_[index].anchors, [&](const Anchor& anchor) { return anchor.block == block; });
}

bool KvTree::anchor(Index index, const Anchor& anchor) {
  const auto found = anchors_.find(anchor.block);
  if (found == anchors_.end()) {
    if (anchors_.size() >= KvAnchorsMax) return false;
    anchors_.emplace(anchor.block, index);
  } else {
    drop_anchor(anchor.block, found->second);
    found->second = index;
  }
  nodes_[index].anchors.push_back(anchor);
  return true;
}

void KvTree::announce(std::span<const std::uint64_t> blocks) {
  changed_.clear();
  // What lies before a block in reach is in reach, so the first look from the end settles it as a rule.
  bool in_reach = false;
  for (std::size_t i = blocks.size(); i-- > 0;) {
    const Index index = anchored(blocks[i]);
    if (index == None) continue;
    in_reach = in_reach || reachable(index);
    if (!in_reach) continue;
    for (Anchor& anchor : nodes_[index].anchors) {
      if (anchor.block == blocks[i]) anchor.announced = true;
    }
    changed_.push_back(blocks[i]);
  }
  std::ranges::reverse(changed_);
  if (!changed_.empty()) listener_.stored(endpoint_, changed_);
}

void KvTree::announce_again() {
  changed_.clear();
  for (const Node& node : nodes_) {
    for (const Anchor& anchor : node.anchors) {
      if (anchor.announced) changed_.push_back(anchor.block);
    }
  }
  if (!changed_.empty()) listener_.stored(endpoint_, changed_);
}

}  // namespace evener::route
