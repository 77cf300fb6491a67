#pragma once
// How long an endpoint probably keeps a block of prompt: one logical clock per endpoint instead of an LRU list. The clock runs by what the
// endpoint has to allocate; a holder is stamped with it, and counts as live while it is not further behind than the endpoint's cache is
// large. Removing an endpoint, or all that it holds, is O(1). The size of the cache is learned from hits that were predicted and did not
// happen, and from hits that happened although they were no longer predicted. Knows nothing of hashes; prefix_index.h uses it.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

namespace evener::route {

/// Dense number of an endpoint within an index, so that a holder costs six bytes. Recycled.
using PrefixSlot = std::uint16_t;
inline constexpr std::size_t PrefixSlotsMax = 4096;

/// When an endpoint was last known to hold a block. Even: its clock of that time. Odd: its mark, which says that the engine itself told us.
using PrefixStamp = std::uint32_t;
/// No endpoint ever has this mark, so such a holder is never live.
inline constexpr PrefixStamp AbsentStamp = 1;

/// The clock advances by this for each block that an endpoint allocates.
inline constexpr std::uint32_t TicksPerBlock = 32;
inline constexpr double CapacityBlocksMin = 1.0;
/// Twice this and a whole sweep of the largest table stay within the 32 bits of a stamp.
inline constexpr double CapacityBlocksMax = 1 << 23;
/// Holders that are no longer live are remembered for at least as many blocks, to learn that a cache is larger than thought.
inline constexpr double KnownBlocksMin = 4096;
/// In exact mode a dispatched prompt counts as held until the engine says so, or until as many blocks were sent after it.
inline constexpr double SpeculativeBlocks = 4096;

/// A predicted hit that did not happen moves the capacity by this share of the way to the block's age, at most; see PrefixClocks::learn().
inline constexpr double ShrinkRate = 0.25;
/// A hit that was not predicted any more moves it by this share.
inline constexpr double GrowRate = 0.1;
/// A predicted hit on a block this young (share of the capacity) failed because the engine had not computed it yet, not because it evicted it.
inline constexpr double EvictedAgeShareMin = 1.0 / 64;

/// An engine that had nothing of as many prompts in a row, of which it should have known the beginning, has no cache. It is predicted to hold
/// nothing until it reports a hit. Their blocks are often too young to say anything about a capacity: a common beginning is used all the time.
inline constexpr std::uint32_t CachelessAfter = 64;

enum class PrefixKnowledge : std::uint8_t {
  Estimated,  // from what we sent there
  Exact,      // from the engine's cache events
};

/// Not thread-safe. Slots must be below size().
class PrefixClocks {
 public:
  /// The slot begins to be used, by an endpoint that holds nothing.
  void open(PrefixSlot slot, double capacity_blocks);
  /// Nothing that was stamped before is live or known. O(1).
  void forget(PrefixSlot slot);
  void follow(PrefixSlot slot, PrefixKnowledge knowledge);

  /// Slots in use or used before, rounded up to 64.
  [[nodiscard]] std::size_t size() const { return now_.size(); }

  /// The endpoint probably holds it.
  [[nodiscard]] bool live(PrefixSlot slot, PrefixStamp stamp) const { return within(slot, stamp, window_[slot]) || stamp == mark_[slot]; }
  /// It held it, and whether it still does is worth finding out. Other holders may be dropped.
  [[nodiscard]] bool known(PrefixSlot slot, PrefixStamp stamp) const { return within(slot, stamp, known_[slot]) || stamp == mark_[slot]; }
  /// Blocks that the endpoint allocated since; 0 for what the engine reported itself.
  [[nodiscard]] double age_blocks(PrefixSlot slot, PrefixStamp stamp) const;
  /// Age as a share of the capacity, in 1/256; the largest number when not known any more.
  [[nodiscard]] std::uint32_t staleness(PrefixSlot slot, PrefixStamp stamp) const;
  /// Sets runs[i] to `run` for those of 64 slots from `first` (a multiple of 64) that are live; returns their number.
  std::uint32_t mark_live(std::size_t first, const PrefixStamp* stamps, std::uint32_t run, std::uint32_t* runs) const;

  /// Share of a block by which touching a block of this age pushes the rest of the cache towards eviction: everything when it was not there
  /// any more, and only what is younger than itself when it was.
  [[nodiscard]] double push(PrefixSlot slot, PrefixStamp stamp) const;
  void advance(PrefixSlot slot, double blocks);
  /// For the block at this depth of a prompt that was just sent. Engines free the end of a prompt first, hence each depth is one block older.
  [[nodiscard]] PrefixStamp stamp(PrefixSlot slot, std::size_t depth) const {
    return now_[slot] - 2 - (state_[slot].knowledge == PrefixKnowledge::Exact ? 0 : static_cast<std::uint32_t>(depth) * TicksPerBlock);
  }
  /// For a block that the engine reported.
  [[nodiscard]] PrefixStamp mark(PrefixSlot slot) const { return mark_[slot]; }

  /// What the endpoint says that its cache holds. Replaces what was learned only when it differs from what it said before.
  void capacity_reported(PrefixSlot slot, double blocks);
  /// A block of this age was predicted to be there and was not (capacity is smaller), or was there and not predicted (larger). One such
  /// observation is weak, since ages are estimates: the capacity moves a part of the way. A young miss counts less than an old one.
  enum class Surprise : std::uint8_t { Missed, Hit };
  void learn(PrefixSlot slot, Surprise surprise, double age_blocks);
  /// Something of a prompt was cached; or nothing, although the endpoint should have known its beginning.
  void saw_hit(PrefixSlot slot);
  void saw_none(PrefixSlot slot);

  [[nodiscard]] double capacity_blocks(PrefixSlot slot) const { return state_[slot].capacity_blocks; }
  [[nodiscard]] PrefixKnowledge knowledge(PrefixSlot slot) const { return state_[slot].knowledge; }
  [[nodiscard]] std::size_t bytes() const;
  static constexpr std::size_t BytesPerSlot = 64;

 private:
  struct State {
    double capacity_blocks = 0;
    double reported_blocks = 0;      // 0 = it never said
    double carry_blocks = 0;         // advanced, but less than the clock can count
    std::uint32_t since_forget = 0;  // ticks; older stamps are dead
    std::uint32_t since_events = 0;  // ticks since the last cache event counted, in estimated mode after exact mode
    std::uint32_t none_in_a_row = 0;
    PrefixKnowledge knowledge = PrefixKnowledge::Estimated;
    bool marks_age = false;  // what the engine reported is from before since_events
  };

  static_assert(sizeof(State) + 4 * sizeof(std::uint32_t) <= BytesPerSlot);

  // Stamps are even there, so the highest bit of the shifted stamp keeps marks out: no window is that large.
  [[nodiscard]] bool within(PrefixSlot slot, PrefixStamp stamp, std::uint32_t window) const {
    return ((now_[slot] - stamp - 1) | (stamp << 31)) < window;
  }
  void renew_mark(PrefixSlot slot);
  void renew_windows(PrefixSlot slot);

  std::vector<std::uint32_t> now_, window_, known_, mark_;  // apart, so that 64 slots are compared at once
  std::vector<State> state_;
};

}  // namespace evener::route
