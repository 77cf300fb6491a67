// KvMap: which of an engine's blocks a request left behind, and where in it our blocks end.

#include <algorithm>
#include <array>
#include <cmath>

#include "evener/route/kv_map.h"

namespace evener::route {
namespace {

constexpr std::uint32_t down_to_blocks(std::uint32_t tokens, std::uint32_t block_tokens) { return tokens / block_tokens * block_tokens; }

/// A request whose usage is not known fits a run of half to twice of what was estimated.
constexpr std::uint32_t EstimateFactor = 2;

/// Where a request's last full block can end. The last token is never computed; some engines store prompts alone; and the event of the last
/// block may be on its way.
std::array<std::uint32_t, 3> ends_of(const KvUsage& usage, std::uint32_t block_tokens) {
  const std::uint32_t end = down_to_blocks(usage.prompt_tokens + std::max(usage.output_tokens, 1U) - 1, block_tokens);
  return {end, end >= block_tokens ? end - block_tokens : 0, down_to_blocks(usage.prompt_tokens, block_tokens)};
}

}  // namespace

/// Each request that has ended takes the one chain of segments that fits it, if no other request fits that, too.
void KvMap::settle() {
  for (std::size_t i = 0; i < pending_.size();) {
    // One that was settled may have been what made an earlier one ambiguous.
    i = settle_one(i) ? 0 : i + 1;
  }
}

bool KvMap::settle_one(std::size_t index) {
  const Pending& pending = pending_[index];
  std::optional<Found> only;
  bool several = false;
  for_each_candidate(pending, [&](Index segment) {
    if (several) return;
    const auto found = fits(pending, segment);
    if (!found) return;
    several = only.has_value();
    only = found;
  });
  if (!only || several) return false;
  if (std::ranges::any_of(pending_, [&](const Pending& other) { return &other != &pending && fits(other, only->last); })) return false;
  attribute(pending, *only);
  stop_expecting(pending.of.request);
  pending_.erase(pending_.begin() + static_cast<std::ptrdiff_t>(index));
  return true;
}

/// Whether it leaves new blocks behind: none when all full blocks of its prompt and answer were in the cache.
bool KvMap::leaves_blocks(const Pending& pending) const {
  const KvUsage& usage = *pending.usage;
  if (block_tokens_ == 0 || !usage.cached_tokens) return true;
  const std::uint32_t computed = usage.prompt_tokens + std::max(usage.output_tokens, 1U) - 1;
  return down_to_blocks(computed, block_tokens_) > down_to_blocks(*usage.cached_tokens, block_tokens_);
}

/// The same for an engine that keeps prompts alone.
bool KvMap::leaves_prompt_blocks(const Pending& pending) const {
  const KvUsage& usage = *pending.usage;
  if (block_tokens_ == 0 || !usage.cached_tokens) return true;
  return down_to_blocks(usage.prompt_tokens, block_tokens_) > down_to_blocks(*usage.cached_tokens, block_tokens_);
}

template <class Visit>
void KvMap::for_each_candidate(const Pending& pending, Visit visit) {
  candidates_.clear();
  if (!pending.usage) {
    // Only one that was alone is looked for, so these are few.
    if (!pending.of.alone) return;
    for (std::size_t i = segments_by_age_.size(); i-- > 0 && segments_[segments_by_age_[i]].at >= pending.of.dispatched_at;) {
      candidates_.push_back(segments_by_age_[i]);
    }
  } else if (block_tokens_ > 0) {
    std::array<std::uint32_t, 3> ends = ends_of(*pending.usage, block_tokens_);
    std::ranges::sort(ends);
    for (std::size_t i = 0; i < ends.size(); ++i) {
      if (ends[i] == 0 || (i > 0 && ends[i] == ends[i - 1])) continue;
      if (const auto found = by_end_.find(ends[i]); found != by_end_.end()) {
        candidates_.insert(candidates_.end(), found->second.begin(), found->second.end());
      }
    }
    candidates_.insert(candidates_.end(), rootless_.begin(), rootless_.end());
  }
  for (const Index segment : candidates_) visit(segment);
}

std::optional<KvMap::Found> KvMap::fits(const Pending& pending, Index segment) {
  const Segment& last = segments_[segment];
  if (last.at < pending.of.dispatched_at || last.at > pending.ended_at + SettleMax || last.owned || !is_valid(segment)) return std::nullopt;
  if (tree_.node(last.tip).adapter != pending.of.request.adapter || went_on(pending, last)) return std::nullopt;
  const auto found = chain_to(pending, segment);
  if (!found || !related(pending.of.request, *found)) return std::nullopt;
  return found;
}

/// Whether what was stored behind it shows that its request went on when this one had ended, or already before.
bool KvMap::went_on(const Pending& pending, const Segment& segment) const {
  if (segment.grew_at == Instant{}) return false;
  if (segment.grew_at < pending.ended_at) return true;
  // The next turn of the same conversation goes on there as well; but somebody has to have sent it.
  return segment.dispatched_before_growth < pending.ended_at;
}

/// Whether its predecessor is still there; the slot may be another's by now.
bool KvMap::goes_on_before(const Segment& segment) const {
  return segment.before != KvTree::None && segments_[segment.before].tip != KvTree::None &&
         tree_.node(segment.first).parent == segments_[segment.before].tip;
}

/// From its end back to where the request began to be computed, if there is such a place.
std::optional<KvMap::Found> KvMap::chain_to(const Pending& pending, Index segment) {
  const std::uint32_t size = tree_.node(segments_[segment].tip).length;
  const std::uint32_t end = tree_.end_of(segments_[segment].tip);
  if (size == 0) return std::nullopt;
  std::uint32_t blocks = 0;
  Found found{.first = segment, .last = segment};
  for (Index at = segment;; at = segments_[at].before) {
    const Segment& one = segments_[at];
    blocks += one.blocks;
    found.first = at;
    const bool ends_here = !goes_on_before(one) || segments_[one.before].owned || segments_[one.before].at < pending.of.dispatched_at;
    const bool known = end != 0 && blocks * size <= end;
    found.begin = known ? end - blocks * size : 0;
    if (!pending.usage) {
      // Nothing is exact here; only where nobody else was there is it clear whose this is.
      if (!ends_here) continue;
      const std::uint32_t estimate = pending.of.request.prompt_tokens;
      const bool about =
          known && segments_[segment].grew_at == Instant{} && found.begin <= estimate * EstimateFactor && end >= estimate / EstimateFactor;
      return about ? std::optional(found) : std::nullopt;
    }
    const KvUsage& usage = *pending.usage;
    const auto ends = ends_of(usage, size);
    if (known && std::ranges::find(ends, end) == ends.end()) return std::nullopt;
    if (usage.cached_tokens) {
      const std::uint32_t begin = down_to_blocks(*usage.cached_tokens, size);
      const bool matches = known ? begin == found.begin : std::ranges::find(ends, begin + blocks * size) != ends.end() && ends_here;
      if (matches) {
        found.begin = begin;
        return found;
      }
      if (known && found.begin < begin) return std::nullopt;
    } else if (ends_here) {
      return known && found.begin < usage.prompt_tokens ? std::optional(found) : std::nullopt;
    }
    if (ends_here) return std::nullopt;
  }
}

/// What is known of the same prompt's beginning must lie on the way to what was found, and what lies on the way must be of this prompt. Where
/// our blocks of text end among the engine's is an estimate, so only what is clearly wrong counts.
bool KvMap::related(const KvRequest& request, const Found& found) {
  const auto origin = request.prompt == KvRequest::Prompt::Text ? KvTree::Origin::Text : KvTree::Origin::TokenIds;
  const Index tip = segments_[found.last].tip;
  bool ours = false, others = false;
  for (Index at = tip; at != KvTree::None && !ours; at = tree_.node(at).parent) {
    for (const KvTree::Anchor& anchor : tree_.node(at).anchors) {
      if (anchor.salt != request.salt || anchor.origin != origin) continue;
      (std::ranges::find(request.blocks, anchor.block) != request.blocks.end() ? ours : others) = true;
    }
  }
  // It shares more tokens with another prompt than our first block has, so that block must be the same.
  if (others && !ours && !request.blocks.empty() && found.begin >= request.block_tokens * EstimateFactor) return false;
  for (std::size_t i = request.blocks.size(); i-- > 0;) {
    const Index anchored = tree_.anchored(request.blocks[i]);
    if (anchored == KvTree::None) continue;
    const Index branch = tree_.common(anchored, tip);
    if (branch == anchored) return true;
    return branch != KvTree::None && tree_.end_of(branch) * std::uint64_t{EstimateFactor} >= tree_.end_of(anchored);
  }
  return true;
}

/// Anchors that lie beyond where this prompt leaves their path were estimated too far: what two prompts share cannot end behind that.
void KvMap::move_to_branch(const KvRequest& request, Index tip) {
  for (const std::uint64_t block : request.blocks) {
    const Index anchored = tree_.anchored(block);
    if (anchored == KvTree::None) continue;
    const Index branch = tree_.common(anchored, tip);
    if (branch == anchored || branch == KvTree::None) continue;
    KvTree::Anchor moved{.block = block, .salt = request.salt, .end = tree_.end_of(branch)};
    for (const KvTree::Anchor& anchor : tree_.node(anchored).anchors) {
      if (anchor.block == block) moved.announced = anchor.announced;
    }
    tree_.anchor(branch, moved);
  }
}

void KvMap::attribute(const Pending& pending, const Found& found) {
  count(pending, true);
  for (Index at = found.last;; at = segments_[at].before) {
    segments_[at].owned = true;
    if (at == found.first) break;
  }
  const Index tip = segments_[found.last].tip;
  const KvRequest& request = pending.of.request;
  if (request.prompt == KvRequest::Prompt::TokenIds && settings_.chain != nullptr) return;  // known exactly already
  if (tree_.end_of(tip) == 0 && found.begin > 0) {
    const Index before = tree_.node(segments_[found.first].first).parent;
    if (before != KvTree::None) tree_.set_end(before, found.begin);
  }
  if (request.blocks.empty() || request.block_tokens == 0) return;
  move_to_branch(request, tip);
  tree_.path_to(tip, path_);

  // Our blocks are of equal numbers of bytes, and the request's tokens are known: they are spread over the bytes evenly, from the last block
  // whose end is known on.
  const double prompt_tokens = pending.usage ? pending.usage->prompt_tokens : request.prompt_tokens;
  const double blocks =
      std::max(static_cast<double>(request.prompt_tokens) / request.block_tokens, static_cast<double>(request.blocks.size()));
  double from_tokens = 0, from_blocks = 0;
  std::size_t next = 0;
  for (std::size_t i = request.blocks.size(); i-- > 0;) {
    const Index anchored = tree_.anchored(request.blocks[i]);
    if (anchored == KvTree::None) continue;
    from_tokens = tree_.end_of(anchored);
    next = i + 1;
    from_blocks = static_cast<double>(next);
    break;
  }
  const double per_block = (prompt_tokens - from_tokens) / std::max(blocks - from_blocks, 1.0);
  auto at = path_.begin();
  for (; next < request.blocks.size() && per_block > 0; ++next) {
    const auto end = static_cast<std::uint32_t>(std::ceil(from_tokens + per_block * (static_cast<double>(next + 1) - from_blocks)));
    at = std::lower_bound(at, path_.end(), end, [&](Index index, std::uint32_t tokens) { return tree_.end_of(index) < tokens; });
    if (at == path_.end()) break;  // the rest of the prompt fills no block
    if (!tree_.anchor(*at, {.block = request.blocks[next], .salt = request.salt, .end = end})) break;
  }
  tree_.announce(std::span(request.blocks).first(next));
}

// ---- prompts of token ids

/// Its blocks will be stored, or lie there already for somebody else's sake.
void KvMap::expect(const KvRequest& request, Instant now) {
  keeps_tokens_ = true;
  auto salt = std::ranges::find(salts_, request.salt, &Salt::salt);
  if (salt == salts_.end()) {
    if (salts_.size() >= SaltsMax) salts_.erase(std::ranges::min_element(salts_, {}, &Salt::used_at));
    salts_.push_back({.salt = request.salt, .adapter = request.adapter, .used_at = now});
    for (Index index = 0; index < tree_.size(); ++index) {
      if (tree_.in_use(index) && tree_.node(index).child == KvTree::None) chain_along(index, salts_.back());
    }
  } else {
    salt->used_at = now;
  }
  for (const std::uint64_t block : request.blocks) {
    if (expected_.size() >= ExpectedMax) break;
    expected_[block] = request.id;
  }
  tree_.announce(request.blocks);
}

void KvMap::stop_expecting(const KvRequest& request) {
  if (request.prompt != KvRequest::Prompt::TokenIds) return;
  for (const std::uint64_t block : request.blocks) {
    const auto found = expected_.find(block);
    if (found != expected_.end() && found->second == request.id) expected_.erase(found);
  }
}

/// fresh_ has ids: our chains go on over them.
void KvMap::extend_chains() {
  const Index tip = fresh_.back();
  const std::uint32_t end = tree_.end_of(tip), begin = tree_.end_of(fresh_.front());
  if (end == 0 || tree_.node(tip).tokens.empty()) return;
  const std::uint32_t before = begin - tree_.node(fresh_.front()).length;
  if (end / settings_.ids_per_block == before / settings_.ids_per_block) return;  // none of our blocks ends here
  for (const Salt& salt : salts_) chain_along(tip, salt);
  blocks_.clear();
  for (const Index index : fresh_) {
    for (const KvTree::Anchor& anchor : tree_.node(index).anchors) {
      if (anchor.origin == KvTree::Origin::TokenIds && expected_.contains(anchor.block)) blocks_.push_back(anchor.block);
    }
  }
  if (!blocks_.empty()) tree_.announce(blocks_);
}

/// Computes what is missing of the chain of a salt on the way to a block.
void KvMap::chain_along(Index tip, const Salt& salt) {
  tree_.path_to(tip, path_);
  const KvTree::Node& root = tree_.node(path_.front());
  if (root.end == 0 || root.end != root.length) return;  // its beginning is not known
  std::uint64_t chain = salt.salt;
  std::uint32_t done = 0;  // tokens that `chain` is of
  std::size_t next = 0;
  ids_.clear();
  for (std::size_t i = path_.size(); i-- > 0 && done == 0;) {
    const KvTree::Node& node = tree_.node(path_[i]);
    for (const KvTree::Anchor& anchor : node.anchors) {
      if (anchor.origin != KvTree::Origin::TokenIds || anchor.salt != salt.salt || anchor.end <= done) continue;
      chain = anchor.block;
      done = anchor.end;
      next = i + 1;
      ids_.assign(node.tokens.end() - static_cast<std::ptrdiff_t>(tree_.end_of(path_[i]) - done), node.tokens.end());
    }
  }
  for (; next < path_.size(); ++next) {
    const KvTree::Node& node = tree_.node(path_[next]);
    if (node.length == 0 || node.tokens.size() != node.length || node.adapter != salt.adapter) return;
    ids_.insert(ids_.end(), node.tokens.begin(), node.tokens.end());
    std::size_t used = 0;
    for (; ids_.size() - used >= settings_.ids_per_block; used += settings_.ids_per_block) {
      done += settings_.ids_per_block;
      chain = settings_.chain(chain, std::span(ids_).subspan(used, settings_.ids_per_block));
      // The engine may hold equal ids twice, apart by a salt of its own; the first one stands for both.
      const Index elsewhere = tree_.anchored(chain);
      if (elsewhere != KvTree::None && tree_.reachable(elsewhere)) continue;
      if (!tree_.anchor(path_[next], {.block = chain, .salt = salt.salt, .end = done, .origin = KvTree::Origin::TokenIds})) return;
    }
    ids_.erase(ids_.begin(), ids_.begin() + static_cast<std::ptrdiff_t>(used));
  }
}

}  // namespace evener::route
