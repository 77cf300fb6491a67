#include "evener/route/prefix_index.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>

namespace evener::route {

namespace {

/// Fetches from memory that are under way at once; more than a core can keep in flight gains nothing.
constexpr std::size_t PrefetchedBlocks = 24;
/// Places that the sweep looks at for each block sent. Two are one line of cache, and bring the hand round before stamps wrap.
constexpr std::size_t SweptPlacesPerBlock = 2;
/// Below as many of 64 slots, one after the other is faster than all at once.
constexpr int FewSlots = 12;

/// Blocks by which report and prediction may differ without meaning anything: the tokens of a block are estimates.
double slack_blocks(std::uint32_t blocks) { return 1.0 + blocks / 8.0; }

}  // namespace

std::uint32_t PrefixPrediction::tokens() const {
  return static_cast<std::uint32_t>(std::min<std::uint64_t>(std::uint64_t{blocks} * block_tokens, prompt_tokens));
}

PrefixIndex::PrefixIndex(PrefixSettings settings)
    : settings_(settings), holders_(clocks_, settings.wide_bytes_max), table_(holders_, settings.blocks_max) {}

std::optional<PrefixSlot> PrefixIndex::add(EndpointId endpoint) {
  if (const auto known = slot(endpoint)) return known;
  const auto free = std::find(used_.begin(), used_.end(), false);
  const auto number = static_cast<std::size_t>(free - used_.begin());
  if (number >= PrefixSlotsMax) return std::nullopt;
  if (free == used_.end()) {
    used_.push_back(false);
    quality_.emplace_back();
  }
  used_[number] = true;
  quality_[number] = {};
  const auto slot = static_cast<PrefixSlot>(number);
  clocks_.open(slot, settings_.capacity_blocks);
  slot_of_.emplace(endpoint, slot);
  return slot;
}

void PrefixIndex::remove(EndpointId endpoint) {
  const auto found = slot_of_.find(endpoint);
  if (found == slot_of_.end()) return;
  clocks_.forget(found->second);
  used_[found->second] = false;
  slot_of_.erase(found);
}

std::optional<PrefixSlot> PrefixIndex::slot(EndpointId endpoint) const {
  const auto found = slot_of_.find(endpoint);
  if (found == slot_of_.end()) return std::nullopt;
  return found->second;
}

std::uint32_t PrefixIndex::lookup(std::span<const std::uint64_t> blocks, std::vector<std::uint32_t>& leading) const {
  leading.assign(clocks_.size(), 0);
  blocks = blocks.first(std::min(blocks.size(), PromptBlocksMax));
  for (std::size_t i = 0; i < std::min(blocks.size(), PrefetchedBlocks); ++i) table_.prefetch(blocks[i]);

  auto [run, longest] = walk_arrays(blocks, leading);
  for (; longest == run && run < blocks.size(); ++run) {
    if (run + PrefetchedBlocks < blocks.size()) table_.prefetch(blocks[run + PrefetchedBlocks]);
    const PrefixEntry* entry = table_.find(blocks[run]);
    if (entry == nullptr) break;
    holders_.for_each(*entry, [&](PrefixSlot slot, PrefixStamp stamp) {
      if (leading[slot] != run || !clocks_.live(slot, stamp)) return;
      leading[slot] = run + 1;
      longest = run + 1;
    });
  }
  return longest;
}

/// The first blocks of prompts that begin with a text common to all: hundreds or thousands of endpoints hold each of them. They are
/// followed by bits, 64 endpoints at a time, and stamps are compared only where the run of an endpoint ends: whenever a block was used, all
/// before it were, so the last one of a run is the oldest. Returns how many blocks it passed, and the longest run up to there.
PrefixIndex::Walked PrefixIndex::walk_arrays(std::span<const std::uint64_t> blocks, std::vector<std::uint32_t>& leading) const {
  constexpr std::size_t WordsMax = PrefixSlotsMax / 64;
  const std::size_t words = leading.size() / 64;
  std::array<std::uint64_t, WordsMax> held;
  std::array<std::uint64_t, WordsMax> lost;
  const HolderArray* last = nullptr;
  std::uint32_t run = 0;
  std::uint32_t longest = 0;
  for (; run < blocks.size(); ++run) {
    if (run > 0 && run + PrefetchedBlocks - 1 < blocks.size()) table_.prefetch(blocks[run + PrefetchedBlocks - 1]);
    const PrefixEntry* entry = table_.find(blocks[run]);
    if (entry == nullptr || !entry->is_array()) break;
    const HolderArray& array = holders_.array(*entry);
    if (last == nullptr) {
      for (std::size_t word = 0; word < words; ++word) held[word] = array.word(word);
    } else {
      std::uint64_t any_lost = 0;
      std::uint64_t any_held = 0;
      for (std::size_t word = 0; word < words; ++word) {
        const std::uint64_t both = held[word] & array.word(word);
        lost[word] = held[word] ^ both;
        held[word] = both;
        any_lost |= lost[word];
        any_held |= both;
      }
      if (any_lost != 0) longest = std::max(longest, resolve_all(blocks, *last, std::span(lost).first(words), run, leading));
      if (any_held == 0) return {run, longest};
    }
    last = &array;
  }
  if (last != nullptr) longest = std::max(longest, resolve_all(blocks, *last, std::span(held).first(words), run, leading));
  return {run, longest};
}

/// These slots had their bits set in the first `run` blocks, of which `array` is the last.
std::uint32_t PrefixIndex::resolve_all(std::span<const std::uint64_t> blocks, const HolderArray& array,
                                       std::span<const std::uint64_t> slots, std::uint32_t run, std::vector<std::uint32_t>& leading) const {
  std::uint32_t longest = 0;
  for (std::size_t word = 0; word < slots.size(); ++word) {
    std::uint64_t bits = slots[word];
    if (bits == array.word(word) && std::popcount(bits) >= FewSlots) {
      const std::uint32_t live = clocks_.mark_live(word * 64, array.stamps.get() + word * 64, run, leading.data() + word * 64);
      if (live != 0) longest = run;
      if (live == static_cast<std::uint32_t>(std::popcount(bits))) continue;
    }
    for (; bits != 0; bits &= bits - 1) {
      const auto slot = static_cast<PrefixSlot>(word * 64 + static_cast<std::size_t>(std::countr_zero(bits)));
      if (leading[slot] == run) continue;
      leading[slot] = clocks_.live(slot, array.stamps[slot]) ? run : resolve(blocks, slot, run - 1);
      longest = std::max(longest, leading[slot]);
    }
  }
  return longest;
}

/// The slot is a holder of the first `run` blocks, but may be live in fewer of them.
std::uint32_t PrefixIndex::resolve(std::span<const std::uint64_t> blocks, PrefixSlot slot, std::uint32_t run) const {
  if (run == 0 || !live_at(blocks[0], slot)) return 0;
  std::uint32_t live = 1;
  std::uint32_t dead = run + 1;
  while (live + 1 < dead) {
    const std::uint32_t middle = live + (dead - live) / 2;
    (live_at(blocks[middle - 1], slot) ? live : dead) = middle;
  }
  return live;
}

bool PrefixIndex::live_at(std::uint64_t hash, PrefixSlot slot) const {
  const PrefixEntry* entry = table_.find(hash);
  return entry != nullptr && clocks_.live(slot, holders_.find(*entry, slot));
}

PrefixPrediction PrefixIndex::sent(EndpointId endpoint, std::span<const std::uint64_t> blocks, std::uint32_t prompt_tokens,
                                   std::uint32_t block_tokens) {
  PrefixPrediction prediction{.block_tokens = block_tokens, .prompt_tokens = prompt_tokens};
  const auto to = slot(endpoint);
  if (!to) return prediction;
  blocks = blocks.first(std::min(blocks.size(), PromptBlocksMax));

  // First how much of it is there: the clock has to run by the rest before anything is stamped with it.
  ages_.clear();
  double pushed = 0;
  bool live_so_far = true;
  bool known_so_far = true;
  for (std::size_t i = 0; i < blocks.size(); ++i) {
    if (i == 0)
      for (std::size_t ahead = 0; ahead < std::min(blocks.size(), PrefetchedBlocks); ++ahead) table_.prefetch(blocks[ahead]);
    else if (i + PrefetchedBlocks - 1 < blocks.size()) table_.prefetch(blocks[i + PrefetchedBlocks - 1]);
    const PrefixEntry* entry = table_.find(blocks[i]);
    const PrefixStamp stamp = entry == nullptr ? AbsentStamp : holders_.find(*entry, *to);
    pushed += clocks_.push(*to, stamp);
    known_so_far = known_so_far && clocks_.known(*to, stamp);
    live_so_far = live_so_far && clocks_.live(*to, stamp);
    if (!known_so_far) continue;
    ages_.push_back(static_cast<float>(clocks_.age_blocks(*to, stamp)));
    if (live_so_far) ++prediction.blocks;
  }
  prediction.known_blocks = static_cast<std::uint32_t>(ages_.size());
  for (std::size_t sample = 0; sample < PrefixPrediction::Samples && !ages_.empty(); ++sample)
    prediction.age_blocks[sample] = ages_[prediction.sampled(sample)];

  clocks_.advance(*to, pushed);
  const bool exact = clocks_.knowledge(*to) == PrefixKnowledge::Exact;
  for (std::size_t i = 0; i < blocks.size(); ++i) {
    PrefixEntry& entry = table_.insert(blocks[i]);
    if (exact && holders_.find(entry, *to) == clocks_.mark(*to)) continue;  // the engine's word stays
    holders_.put(entry, *to, clocks_.stamp(*to, i));
  }
  table_.sweep(SweptPlacesPerBlock * blocks.size());
  return prediction;
}

void PrefixIndex::withdrawn(EndpointId endpoint, std::span<const std::uint64_t> blocks, const PrefixPrediction& prediction) {
  if (clocks_.size() == 0 || prediction.blocks >= blocks.size()) return;
  const auto from = slot(endpoint);
  if (!from) return;
  blocks = blocks.first(std::min(blocks.size(), PromptBlocksMax));
  const bool exact = clocks_.knowledge(*from) == PrefixKnowledge::Exact;
  for (const std::uint64_t hash : blocks.subspan(std::min<std::size_t>(prediction.blocks, blocks.size()))) {
    PrefixEntry* entry = table_.find(hash);
    if (entry == nullptr || (exact && holders_.find(*entry, *from) == clocks_.mark(*from))) continue;
    holders_.drop(*entry, *from);
  }
}

void PrefixIndex::settled(EndpointId endpoint, const PrefixPrediction& prediction, const PrefixUsage& usage) {
  const auto at = slot(endpoint);
  if (!at) return;
  // Tokens were estimated when the prompt was sent; by what the engine counted, blocks get their true length.
  double block_tokens = prediction.block_tokens;
  if (prediction.prompt_tokens != 0 && usage.prompt_tokens != 0)
    block_tokens *= static_cast<double>(usage.prompt_tokens) / prediction.prompt_tokens;
  if (block_tokens <= 0) return;

  if (usage.cached_tokens) {
    const std::uint32_t predicted = prediction.tokens();
    const std::uint32_t cached = *usage.cached_tokens;
    PrefixQuality& quality = quality_[*at];
    ++quality.requests;
    quality.predicted_tokens += predicted;
    quality.cached_tokens += cached;
    quality.error_tokens += predicted > cached ? predicted - cached : cached - predicted;

    if (clocks_.knowledge(*at) == PrefixKnowledge::Estimated) learn(*at, prediction, cached / block_tokens);
  }
  const double answer_blocks = usage.output_tokens / block_tokens;
  clocks_.advance(*at, answer_blocks);
  table_.sweep(static_cast<std::size_t>(std::min(answer_blocks, static_cast<double>(PromptBlocksMax)) * SweptPlacesPerBlock));
}

/// The engine had the prompt's first `depth` blocks. The block at that depth is the youngest that was missing, the one before it the oldest
/// that was there.
void PrefixIndex::learn(PrefixSlot slot, const PrefixPrediction& prediction, double depth) {
  if (depth > 0) clocks_.saw_hit(slot);
  else if (prediction.known_blocks > 0) clocks_.saw_none(slot);

  const double slack = slack_blocks(prediction.blocks);
  const bool missed = depth + slack < prediction.blocks;
  const bool unexpected = depth > prediction.blocks + slack && prediction.known_blocks > prediction.blocks;
  if (missed) {
    std::size_t sample = 0;
    while (static_cast<double>(prediction.sampled(sample)) + 1 <= depth) ++sample;  // stops: the last sample is not above a missed block
    clocks_.learn(slot, PrefixClocks::Surprise::Missed, prediction.age_blocks[sample]);
  } else if (unexpected) {
    std::size_t sample = PrefixPrediction::Samples - 1;
    while (sample > 0 && static_cast<double>(prediction.sampled(sample)) + 1 > depth) --sample;
    clocks_.learn(slot, PrefixClocks::Surprise::Hit, prediction.age_blocks[sample]);
  }
}

void PrefixIndex::capacity_reported(EndpointId endpoint, double blocks) {
  if (const auto at = slot(endpoint)) clocks_.capacity_reported(*at, blocks);
}

void PrefixIndex::cleared(EndpointId endpoint) {
  if (const auto at = slot(endpoint)) clocks_.forget(*at);
}

void PrefixIndex::follow(EndpointId endpoint, PrefixKnowledge knowledge) {
  if (const auto at = slot(endpoint)) clocks_.follow(*at, knowledge);
}

void PrefixIndex::stored(EndpointId endpoint, std::span<const std::uint64_t> blocks) {
  const auto at = slot(endpoint);
  if (!at) return;
  for (const std::uint64_t hash : blocks) holders_.put(table_.insert(hash), *at, clocks_.mark(*at));
  table_.sweep(SweptPlacesPerBlock * blocks.size());
}

void PrefixIndex::evicted(EndpointId endpoint, std::span<const std::uint64_t> blocks) {
  const auto at = slot(endpoint);
  if (!at) return;
  for (const std::uint64_t hash : blocks)
    if (PrefixEntry* entry = table_.find(hash)) holders_.drop(*entry, *at);
}

PrefixQuality PrefixIndex::quality(EndpointId endpoint) const {
  const auto at = slot(endpoint);
  return at ? quality_[*at] : PrefixQuality{};
}

double PrefixIndex::capacity_blocks(EndpointId endpoint) const {
  const auto at = slot(endpoint);
  return at ? clocks_.capacity_blocks(*at) : 0;
}

PrefixKnowledge PrefixIndex::knowledge(EndpointId endpoint) const {
  const auto at = slot(endpoint);
  return at ? clocks_.knowledge(*at) : PrefixKnowledge::Estimated;
}

std::size_t PrefixIndex::bytes() const {
  return table_.bytes() + holders_.bytes() + clocks_.bytes() + quality_.capacity() * sizeof(PrefixQuality);
}

std::size_t PrefixIndex::bytes_max() const {
  // Wide records may exceed their bound by what the last chunk and the list of free ones take.
  return table_.bytes_max() + settings_.wide_bytes_max / 16 * 17 +
         PrefixSlotsMax * 2 * (PrefixClocks::BytesPerSlot + sizeof(PrefixQuality));
}

}  // namespace evener::route
