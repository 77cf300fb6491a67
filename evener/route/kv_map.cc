#include "evener/route/kv_map.h"

#include <algorithm>
#include <utility>

namespace evener::route {
namespace {

constexpr Duration SweepEvery = std::chrono::seconds(10);

/// A capacity that grew by less than this is no news.
constexpr double CapacityStep = 1.02;

}  // namespace

void KvMap::stored(const KvTree::Stored& stored, std::uint64_t place, Instant now) {
  if (stored.blocks.empty() || stored.block_tokens == 0) return;
  block_tokens_ = stored.block_tokens;
  KvTree::Stored taken = stored;
  taken.place = place_bit(place);
  if (!keeps_tokens_) taken.tokens = {};
  tree_.store(taken, fresh_);
  counts_.stored_blocks += stored.blocks.size();
  if (fresh_.empty()) return;
  if (!salts_.empty()) extend_chains();
  add_segment(now);
}

void KvMap::removed(std::span<const std::uint64_t> blocks, std::uint64_t place) {
  if (blocks.empty()) return;
  learn_capacity();
  const std::uint32_t bit = place_bit(place);
  for (const std::uint64_t block : blocks) {
    ++counts_.removed_blocks;
    if (tree_.remove(block, bit)) {
      ++known_removals_;
    } else {
      ++counts_.unknown_removed;
      known_removals_ = 0;
    }
  }
  // Blocks of before we listened leave sooner or later; once the whole cache was turned over, none is left.
  if (known_removals_ > tree_.resident_blocks()) complete_ = true;
}

void KvMap::cleared() {
  forget_all();
  complete_ = true;
}

void KvMap::lost() {
  forget_all();
  complete_ = false;
}

void KvMap::forget_all() {
  ++counts_.cleared;
  tree_.clear();
  segments_.clear();
  unused_segments_.clear();
  segments_by_age_.clear();
  by_end_.clear();
  rootless_.clear();
  pending_.clear();
  known_removals_ = 0;
  // Requests in flight stored blocks that are not known any more; what they will store is only a part.
  for (auto& [id, one] : in_flight_) {
    if (std::exchange(one.alone, false)) --alone_;
  }
  listener_.cleared(endpoint_);
}

std::uint32_t KvMap::place_bit(std::uint64_t place) {
  const auto found = std::ranges::find(places_, place);
  if (found != places_.end()) return static_cast<std::uint32_t>(found - places_.begin());
  if (places_.size() < KvPlacesMax) places_.push_back(place);
  return static_cast<std::uint32_t>(places_.size() - 1);
}

void KvMap::learn_capacity() {
  capacity_ = std::max(capacity_, tree_.resident_tokens());
  if (!complete_ || capacity_ == 0 || static_cast<double>(capacity_) < static_cast<double>(capacity_told_) * CapacityStep) return;
  capacity_told_ = capacity_;
  listener_.capacity(endpoint_, capacity_);
}

/// Of a prompt of token ids it counts whether its blocks were seen, not whether its run was found.
void KvMap::count(const Pending& pending, bool found) {
  const KvRequest& request = pending.of.request;
  if (request.prompt == KvRequest::Prompt::TokenIds && settings_.chain != nullptr) {
    found = request.blocks.empty() || tree_.anchored(request.blocks.back()) != KvTree::None;
  }
  ++(found ? counts_.attributed : counts_.unattributed);
  judged_ = std::min(judged_ + 1, ExactWindow);
  found_share_ += ((found ? 1.0 : 0.0) - found_share_) / judged_;
  if (knowledge_ == KvKnowledge::Partial && judged_ >= ExactAfterMin && found_share_ >= ExactFrom) {
    knowledge_ = KvKnowledge::Exact;
    listener_.follow(endpoint_, knowledge_);
    tree_.announce_again();
  } else if (knowledge_ == KvKnowledge::Exact && found_share_ < ExactUntil) {
    knowledge_ = KvKnowledge::Partial;
    listener_.follow(endpoint_, knowledge_);
  }
}

// ---- segments

/// fresh_ goes on behind a segment, or begins a path of its own.
void KvMap::add_segment(Instant now) {
  // A path with known blocks in between was stored for several reasons; what can be told of is its last part.
  std::size_t begin = fresh_.size() - 1;
  while (begin > 0 && tree_.node(fresh_[begin]).parent == fresh_[begin - 1]) --begin;
  const Index first = fresh_[begin], tip = fresh_.back();
  const auto blocks = static_cast<std::uint32_t>(fresh_.size() - begin);
  const Index parent = tree_.node(first).parent;
  const Index before = parent == KvTree::None ? KvTree::None : tree_.node(parent).run;
  const bool token_by_token = blocks <= 2;
  segments_changed_ = true;
  if (before != KvTree::None) {
    Segment& grows = segments_[before];
    const bool same_batch = grows.at == now;
    if (!grows.owned && grows.grew_at == Instant{} && token_by_token && (same_batch || grows.token_by_token)) {
      // An answer grows block by block, and some engines tell of a prompt so: a thousand segments would tell no more than one.
      unfile(before);
      tree_.set_run(parent, KvTree::None);
      grows.tip = tip;
      grows.blocks += blocks;
      grows.token_by_token = grows.token_by_token && token_by_token;
      tree_.set_run(tip, before);
      file(before, tree_.end_of(tip));
      return;
    }
    if (grows.grew_at == Instant{}) {
      grows.grew_at = now;
      grows.dispatched_before_growth = last_dispatch_at_;
    }
  }
  if (segments_by_age_.size() >= SegmentsMax) drop_segment(segments_by_age_.front());
  const Index segment = new_segment();
  segments_[segment] = {.first = first, .tip = tip, .before = before, .blocks = blocks, .at = now, .token_by_token = token_by_token};
  segments_by_age_.push_back(segment);
  tree_.set_run(tip, segment);
  file(segment, tree_.end_of(tip));
}

KvMap::Index KvMap::new_segment() {
  if (unused_segments_.empty()) {
    segments_.emplace_back();
    return static_cast<Index>(segments_.size() - 1);
  }
  const Index segment = unused_segments_.back();
  unused_segments_.pop_back();
  return segment;
}

/// The oldest.
void KvMap::drop_segment(Index segment) {
  unfile(segment);
  if (is_valid(segment)) tree_.set_run(segments_[segment].tip, KvTree::None);
  segments_[segment] = {};
  segments_by_age_.pop_front();
  unused_segments_.push_back(segment);
}

void KvMap::file(Index segment, std::uint32_t end) {
  segments_[segment].end = end;
  if (end != 0) {
    by_end_[end].push_back(segment);
    return;
  }
  rootless_.push_back(segment);
  if (rootless_.size() > RootlessMax) rootless_.pop_front();
}

void KvMap::unfile(Index segment) {
  const std::uint32_t end = segments_[segment].end;
  if (end == 0) {
    std::erase(rootless_, segment);
    return;
  }
  const auto found = by_end_.find(end);
  if (found == by_end_.end()) return;
  std::erase(found->second, segment);
  if (found->second.empty()) by_end_.erase(found);
}

/// Its last block may have been evicted, and its place in the tree given to another one.
bool KvMap::is_valid(Index segment) const {
  return segments_[segment].tip != KvTree::None && tree_.node(segments_[segment].tip).run == segment;
}

// ---- requests

void KvMap::dispatched(KvRequest request, Instant now) {
  last_dispatch_at_ = now;
  if (in_flight_.size() >= RequestsMax) return;
  const bool alone = in_flight_.empty() && pending_.empty();
  if (!alone) {
    if (alone_ > 0) {
      for (auto& [id, one] : in_flight_) one.alone = false;
      alone_ = 0;
    }
    for (Pending& one : pending_) one.of.alone = false;
  }
  if (request.prompt == KvRequest::Prompt::TokenIds && settings_.chain != nullptr) expect(request, now);
  const std::uint64_t id = request.id;
  const auto [at, added] = in_flight_.try_emplace(id, InFlight{.request = std::move(request), .dispatched_at = now, .alone = alone});
  if (added && alone) ++alone_;
}

void KvMap::ended(std::uint64_t id, const std::optional<KvUsage>& usage, Instant now) {
  const auto found = in_flight_.find(id);
  if (found == in_flight_.end()) return;
  Pending pending{.of = std::move(found->second), .usage = usage, .ended_at = now};
  in_flight_.erase(found);
  if (pending.of.alone) --alone_;
  if (!usage) ++counts_.without_usage;
  if (usage && !leaves_blocks(pending)) {
    stop_expecting(pending.of.request);
    return;
  }
  if (pending_.size() >= PendingMax) {
    count(pending_.front(), false);
    stop_expecting(pending_.front().of.request);
    pending_.pop_front();
  }
  pending_.push_back(std::move(pending));
  if (settle_one(pending_.size() - 1)) settle();
}

void KvMap::tick(Instant now) {
  if (std::exchange(segments_changed_, false)) settle();
  while (!pending_.empty() && now - pending_.front().ended_at > SettleMax) {
    if (pending_.front().usage && leaves_prompt_blocks(pending_.front())) count(pending_.front(), false);
    stop_expecting(pending_.front().of.request);
    pending_.pop_front();
  }
  if (now < next_sweep_) return;
  next_sweep_ = now + SweepEvery;
  std::erase_if(in_flight_, [&](const auto& one) {
    if (now - one.second.dispatched_at <= RequestAgeMax) return false;
    if (one.second.alone) --alone_;
    stop_expecting(one.second.request);
    return true;
  });
}

KvMapStatus KvMap::status() const {
  KvMapStatus status = counts_;
  status.knowledge = knowledge_;
  status.complete = complete_;
  status.resident_blocks = tree_.resident_blocks();
  status.resident_tokens = tree_.resident_tokens();
  status.capacity_tokens = capacity_told_;
  status.overflowed = tree_.overflowed();
  status.anchors = tree_.anchors();
  return status;
}

}  // namespace evener::route
