// KvMap: which run of an engine's blocks a request left behind, and where in it our blocks end.

#include <algorithm>
#include <cmath>

#include "evener/route/kv_map.h"

namespace evener::route {
namespace {

constexpr std::uint32_t down_to_blocks(std::uint32_t tokens, std::uint32_t block_tokens) { return tokens / block_tokens * block_tokens; }

/// A request whose usage is not known fits a run of half to twice of what was estimated.
constexpr std::uint32_t EstimateFactor = 2;

}  // namespace

/// Each request that has ended takes the one run that fits it, if no other request fits that run.
void KvMap::settle() {
  for (std::size_t i = 0; i < pending_.size();) {
    // One that was settled may have been what made an earlier one ambiguous.
    i = settle_one(i) ? 0 : i + 1;
  }
}

bool KvMap::settle_one(std::size_t index) {
  const Pending& pending = pending_[index];
  Index only = KvTree::None;
  std::optional<Reach> where;
  for (const Index run : open_runs_) {
    const auto found = fits(pending, run);
    if (!found) continue;
    if (only != KvTree::None) return false;
    only = run;
    where = found;
  }
  if (only == KvTree::None) return false;
  if (std::ranges::any_of(pending_, [&](const Pending& other) { return &other != &pending && fits(other, only); })) return false;
  attribute(pending, runs_[only], *where);
  close(only);
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

std::optional<KvMap::Reach> KvMap::fits(const Pending& pending, Index index) {
  const Run& run = runs_[index];
  if (tree_.node(run.tip).run != index) return std::nullopt;  // its end was evicted
  if (run.began_at < pending.of.dispatched_at || run.began_at > pending.ended_at + SettleMax) return std::nullopt;
  if (tree_.node(run.first).adapter != pending.of.request.adapter) return std::nullopt;
  const auto found = reach(pending, run);
  if (!found || !related(pending.of.request, run)) return std::nullopt;
  return found;
}

/// The run's beginning and end, if these are the request's.
std::optional<KvMap::Reach> KvMap::reach(const Pending& pending, const Run& run) {
  const std::uint32_t size = tree_.node(run.tip).length;
  Reach found{.begin = 0, .end = tree_.end_of(run.tip)};
  const bool known = found.end != 0;
  if (known) { found.begin = tree_.end_of(run.first) - tree_.node(run.first).length; }
  if (!pending.usage) {
    // Nothing is exact here; only where nobody else was there is it clear whose run this is.
    const std::uint32_t estimate = pending.of.request.prompt_tokens;
    if (!pending.of.alone || !known) return std::nullopt;
    if (found.begin > estimate * EstimateFactor || found.end < estimate / EstimateFactor) return std::nullopt;
    return found;
  }
  const KvUsage& usage = *pending.usage;
  if (usage.cached_tokens) {
    const std::uint32_t begin = down_to_blocks(*usage.cached_tokens, size);
    if (known && begin != found.begin) return std::nullopt;
    found.begin = begin;
  } else if (!known || found.begin >= usage.prompt_tokens) {
    return std::nullopt;
  }
  if (!known) found.end = found.begin + run.blocks * size;

  // The last token is never computed. Some engines store prompts alone, and the event of the last block may be on its way.
  const std::uint32_t prompt_end = down_to_blocks(usage.prompt_tokens, size);
  const std::uint32_t end = down_to_blocks(usage.prompt_tokens + std::max(usage.output_tokens, 1U) - 1, size);
  const bool at_end = found.end == end || found.end + size == end || found.end == prompt_end;
  if (!at_end) return std::nullopt;
  return found;
}

/// What is known of the same prompt's beginning must lie on the way to the run, and what lies on the way must be of this prompt.
bool KvMap::related(const KvRequest& request, const Run& run) {
  const auto origin = request.prompt == KvRequest::Prompt::Text ? KvTree::Origin::Text : KvTree::Origin::TokenIds;
  for (Index at = run.tip; at != KvTree::None; at = tree_.node(at).parent) {
    const auto& anchors = tree_.node(at).anchors;
    const auto same = [&](const KvTree::Anchor& anchor) { return anchor.salt == request.salt && anchor.origin == origin; };
    if (std::ranges::none_of(anchors, same)) continue;
    const bool ours = std::ranges::any_of(anchors, [&](const KvTree::Anchor& anchor) {
      return same(anchor) && std::ranges::find(request.blocks, anchor.block) != request.blocks.end();
    });
    if (!ours) return false;
    break;
  }
  for (std::size_t i = request.blocks.size(); i-- > 0;) {
    const Index anchored = tree_.anchored(request.blocks[i]);
    if (anchored == KvTree::None) continue;
    const Index branch = tree_.common(anchored, run.tip);
    if (branch == anchored) return true;
    // Where a block of text ends is an estimate: another prompt with the same block may leave the path a little before it.
    if (branch == KvTree::None) return false;
    const std::uint64_t shared = tree_.end_of(branch);
    return shared * 4 >= std::uint64_t{tree_.end_of(anchored)} * 3 && shared > 0;
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

void KvMap::attribute(const Pending& pending, const Run& run, const Reach& reach) {
  count(pending, true);
  const KvRequest& request = pending.of.request;
  if (request.prompt == KvRequest::Prompt::TokenIds && settings_.chain != nullptr) return;  // known exactly already
  if (tree_.end_of(run.tip) == 0 && reach.begin > 0) {
    const Index before = tree_.node(run.first).parent;
    if (before != KvTree::None) tree_.set_end(before, reach.begin);
  }
  if (request.blocks.empty() || request.block_tokens == 0) return;
  move_to_branch(request, run.tip);
  tree_.path_to(run.tip, path_);

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
