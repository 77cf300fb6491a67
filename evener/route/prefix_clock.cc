#include "evener/route/prefix_clock.h"

#include <cmath>
#include <limits>

namespace evener::route {

namespace {

constexpr std::uint32_t TicksMax = std::uint32_t{1} << 30;
constexpr double StepsPerBlock = TicksPerBlock / 2.0;  // of two ticks, so that stamps stay even
static_assert(2 * CapacityBlocksMax * TicksPerBlock <= TicksMax);

std::uint32_t ticks(double blocks) { return static_cast<std::uint32_t>(std::min(blocks * TicksPerBlock, static_cast<double>(TicksMax))); }

}  // namespace

void PrefixClocks::open(PrefixSlot slot, double capacity_blocks) {
  if (slot >= now_.size()) {
    const std::size_t size = (std::size_t{slot} / 64 + 1) * 64;
    now_.resize(size, 0);
    window_.resize(size, 0);
    known_.resize(size, 0);
    mark_.resize(size, AbsentStamp + 2);
    state_.resize(size);
  }
  state_[slot] = {.capacity_blocks = std::clamp(capacity_blocks, CapacityBlocksMin, CapacityBlocksMax)};
  forget(slot);
}

void PrefixClocks::forget(PrefixSlot slot) {
  state_[slot].since_forget = 0;
  state_[slot].marks_age = false;
  renew_mark(slot);
  renew_windows(slot);
}

void PrefixClocks::follow(PrefixSlot slot, PrefixKnowledge knowledge) {
  State& state = state_[slot];
  if (state.knowledge == knowledge) return;
  state.knowledge = knowledge;
  if (knowledge == PrefixKnowledge::Exact) {
    forget(slot);  // the engine will tell
    return;
  }
  // The events ended. What they told was true a moment ago, and ages from here as if it had all been sent now.
  state.marks_age = true;
  state.since_events = 0;
  renew_windows(slot);
}

double PrefixClocks::age_blocks(PrefixSlot slot, PrefixStamp stamp) const {
  if (stamp == mark_[slot]) return 0;
  return static_cast<double>(now_[slot] - stamp) / TicksPerBlock;
}

std::uint32_t PrefixClocks::staleness(PrefixSlot slot, PrefixStamp stamp) const {
  if (stamp == mark_[slot]) return 0;
  if (!known(slot, stamp)) return std::numeric_limits<std::uint32_t>::max();
  const State& state = state_[slot];
  const double capacity = state.knowledge == PrefixKnowledge::Exact ? SpeculativeBlocks : state.capacity_blocks;
  return static_cast<std::uint32_t>(std::min(256 * age_blocks(slot, stamp) / capacity, 1e9));
}

std::uint32_t PrefixClocks::mark_live(std::size_t first, const PrefixStamp* __restrict stamps, std::uint32_t run,
                                      std::uint32_t* __restrict runs) const {
  const std::uint32_t* now = now_.data() + first;
  const std::uint32_t* window = window_.data() + first;
  const std::uint32_t* mark = mark_.data() + first;
  std::uint32_t count = 0;
  // Masks instead of branches, so that the compiler does several slots at a time: a third of the time of one after the other.
  for (std::size_t i = 0; i < 64; ++i) {
    const bool is_within = ((now[i] - stamps[i] - 1) | (stamps[i] << 31)) < window[i];
    const bool is_marked = stamps[i] == mark[i];
    const std::uint32_t mask = 0u - static_cast<std::uint32_t>(is_within | is_marked);
    count -= mask;
    runs[i] = (run & mask) | (runs[i] & ~mask);
  }
  return count;
}

double PrefixClocks::push(PrefixSlot slot, PrefixStamp stamp) const {
  if (!within(slot, stamp, window_[slot])) return 1.0;
  return static_cast<double>(now_[slot] - stamp) / static_cast<double>(window_[slot]);
}

void PrefixClocks::advance(PrefixSlot slot, double blocks) {
  State& state = state_[slot];
  // More than the cache can hold at once empties it, however much more.
  const double total = std::min(blocks, CapacityBlocksMax) + state.carry_blocks;
  const auto steps = static_cast<std::uint32_t>(total * StepsPerBlock);
  state.carry_blocks = total - steps / StepsPerBlock;
  const std::uint32_t moved = steps * 2;
  now_[slot] += moved;
  state.since_forget = std::min(state.since_forget + moved, TicksMax);
  if (state.marks_age) {
    state.since_events = std::min(state.since_events + moved, TicksMax);
    if (state.since_events >= ticks(state.capacity_blocks)) {
      state.marks_age = false;
      renew_mark(slot);
    }
  }
  renew_windows(slot);
}

void PrefixClocks::capacity_reported(PrefixSlot slot, double blocks) {
  State& state = state_[slot];
  if (!(blocks >= CapacityBlocksMin)) return;
  if (std::abs(blocks - state.reported_blocks) <= 0.01 * state.reported_blocks) return;
  state.reported_blocks = blocks;
  state.capacity_blocks = std::min(blocks, CapacityBlocksMax);
  renew_windows(slot);
}

void PrefixClocks::learn(PrefixSlot slot, Surprise surprise, double age_blocks) {
  State& state = state_[slot];
  const double share = age_blocks / state.capacity_blocks;
  if (surprise == Surprise::Missed) {
    if (share >= 1 || share < EvictedAgeShareMin) return;
    state.capacity_blocks -= ShrinkRate * share * (state.capacity_blocks - age_blocks);
  } else {
    if (share <= 1) return;
    state.capacity_blocks += GrowRate * (age_blocks - state.capacity_blocks);
  }
  state.capacity_blocks = std::clamp(state.capacity_blocks, CapacityBlocksMin, CapacityBlocksMax);
  renew_windows(slot);
}

void PrefixClocks::saw_hit(PrefixSlot slot) {
  const bool was_cacheless = state_[slot].none_in_a_row >= CachelessAfter;
  state_[slot].none_in_a_row = 0;
  if (was_cacheless) renew_windows(slot);
}

void PrefixClocks::saw_none(PrefixSlot slot) {
  if (state_[slot].none_in_a_row >= CachelessAfter) return;
  if (++state_[slot].none_in_a_row == CachelessAfter) renew_windows(slot);
}

std::size_t PrefixClocks::bytes() const { return now_.capacity() * (4 * sizeof(std::uint32_t)) + state_.capacity() * sizeof(State); }

void PrefixClocks::renew_mark(PrefixSlot slot) {
  mark_[slot] += 2;
  if (mark_[slot] == AbsentStamp) mark_[slot] += 2;
}

void PrefixClocks::renew_windows(PrefixSlot slot) {
  const State& state = state_[slot];
  const bool exact = state.knowledge == PrefixKnowledge::Exact;
  const double live = exact ? SpeculativeBlocks : state.capacity_blocks;
  const double known = exact ? SpeculativeBlocks : std::max(2 * state.capacity_blocks, KnownBlocksMin);
  const bool cacheless = !exact && state.none_in_a_row >= CachelessAfter;
  window_[slot] = cacheless ? 0 : std::min(ticks(live), state.since_forget);
  known_[slot] = std::min(ticks(known), state.since_forget);
}

}  // namespace evener::route
