#include "evener/route/prefix_holders.h"

#include <algorithm>
#include <limits>

namespace evener::route {

namespace {

/// An array is narrowed to a list only when it is clearly smaller, so that one holder more or less does not toggle it.
constexpr std::size_t NarrowToList = ListedHolders / 2;
constexpr std::size_t NarrowToInline = InlineHolders - 1;

struct Holder {
  PrefixSlot slot = PrefixEntry::NoSlot;
  PrefixStamp stamp = AbsentStamp;
};

}  // namespace

PrefixStamp PrefixHolders::find(const PrefixEntry& entry, PrefixSlot slot) const {
  if (entry.is_array()) {
    const HolderArray& array = arrays_[entry.stamp[0]];
    return slot < array.slots ? array.stamps[slot] : AbsentStamp;
  }
  if (entry.is_list()) {
    const HolderList& list = lists_[entry.stamp[0]];
    for (std::size_t i = 0; i < list.count; ++i)
      if (list.slot[i] == slot) return list.stamp[i];
    return AbsentStamp;
  }
  for (std::size_t i = 0; i < InlineHolders; ++i)
    if (entry.slot[i] == slot) return entry.stamp[i];
  return AbsentStamp;
}

void PrefixHolders::put(PrefixEntry& entry, PrefixSlot slot, PrefixStamp stamp) {
  if (entry.is_list()) {
    put_in_list(entry, slot, stamp);
    return;
  }
  if (entry.is_array()) {
    put_in_array(arrays_[entry.stamp[0]], slot, stamp);
    return;
  }
  std::size_t place = 0;
  while (place < InlineHolders && entry.slot[place] != slot) ++place;
  if (place == InlineHolders) {
    place = 0;
    while (place < InlineHolders && entry.slot[place] != PrefixEntry::NoSlot) ++place;
  }
  if (place == InlineHolders) {
    std::uint32_t worst = 0;
    place = stalest(entry.slot, entry.stamp, worst);
    if (worst != std::numeric_limits<std::uint32_t>::max() && widen(entry)) {
      put_in_list(entry, slot, stamp);
      return;
    }
  }
  entry.slot[place] = slot;
  entry.stamp[place] = stamp;
}

void PrefixHolders::put_in_list(PrefixEntry& entry, PrefixSlot slot, PrefixStamp stamp) {
  HolderList& list = lists_[entry.stamp[0]];
  for (std::size_t i = 0; i < list.count; ++i)
    if (list.slot[i] == slot) {
      list.stamp[i] = stamp;
      return;
    }
  if (list.count < ListedHolders) {
    list.slot[list.count] = slot;
    list.stamp[list.count] = stamp;
    ++list.count;
    return;
  }
  std::uint32_t worst = 0;
  const std::size_t place = stalest(list.slot, list.stamp, worst);
  if (worst != std::numeric_limits<std::uint32_t>::max() && widen(entry)) {
    put_in_array(arrays_[entry.stamp[0]], slot, stamp);
    return;
  }
  list.slot[place] = slot;
  list.stamp[place] = stamp;
}

void PrefixHolders::put_in_array(HolderArray& array, PrefixSlot slot, PrefixStamp stamp) {
  if (slot >= array.slots && !reserve(array, std::max((std::size_t{slot} / 64 + 1) * 64, std::min(2 * array.slots, PrefixSlotsMax))))
    return;
  array.bits[slot / 64u] |= std::uint64_t{1} << (slot % 64u);
  array.stamps[slot] = stamp;
}

void PrefixHolders::drop(PrefixEntry& entry, PrefixSlot slot) {
  if (entry.is_array()) {
    HolderArray& array = arrays_[entry.stamp[0]];
    if (slot >= array.slots) return;
    array.bits[slot / 64u] &= ~(std::uint64_t{1} << (slot % 64u));
    array.stamps[slot] = AbsentStamp;
  } else if (entry.is_list()) {
    HolderList& list = lists_[entry.stamp[0]];
    for (std::size_t i = 0; i < list.count; ++i) {
      if (list.slot[i] != slot) continue;
      --list.count;
      list.slot[i] = list.slot[list.count];
      list.stamp[i] = list.stamp[list.count];
      break;
    }
  } else {
    for (std::size_t i = 0; i < InlineHolders; ++i) {
      if (entry.slot[i] != slot) continue;
      entry.slot[i] = PrefixEntry::NoSlot;
      entry.stamp[i] = AbsentStamp;
    }
  }
}

std::size_t PrefixHolders::prune(PrefixEntry& entry) {
  std::array<Holder, ListedHolders> left;
  std::size_t count = 0;
  std::size_t before = 0;
  for_each(entry, [&](PrefixSlot slot, PrefixStamp stamp) {
    ++before;
    if (!clocks_.known(slot, stamp)) return;
    if (count < left.size()) left[count] = {slot, stamp};
    ++count;
  });

  if (entry.is_array()) {
    if (count > NarrowToList || (count > NarrowToInline && !room_for_list())) {
      if (count == before) return count;
      HolderArray& array = arrays_[entry.stamp[0]];
      for (std::size_t word = 0; word * 64 < array.slots; ++word)
        for (std::uint64_t bits = array.bits[word]; bits != 0; bits &= bits - 1) {
          const auto slot = static_cast<PrefixSlot>(word * 64 + static_cast<std::size_t>(std::countr_zero(bits)));
          if (!clocks_.known(slot, array.stamps[slot])) drop(entry, slot);
        }
      return count;
    }
  } else if (count == before && (!entry.is_list() || count > NarrowToInline)) {
    return count;
  }

  clear(entry);
  const std::span<const Holder> holders(left.data(), count);
  for (const Holder& holder : holders) put(entry, holder.slot, holder.stamp);
  return count;
}

void PrefixHolders::clear(PrefixEntry& entry) {
  if (entry.is_array()) {
    array_bytes_ -= bytes_of(arrays_[entry.stamp[0]].slots);
    arrays_.give_back(entry.stamp[0]);
  } else if (entry.is_list()) {
    lists_.give_back(entry.stamp[0]);
  }
  const std::uint64_t hash = entry.hash;
  entry = PrefixEntry{};
  entry.hash = hash;
}

std::uint32_t PrefixHolders::staleness(const PrefixEntry& entry) const {
  std::uint32_t least = std::numeric_limits<std::uint32_t>::max();
  for_each(entry, [&](PrefixSlot slot, PrefixStamp stamp) { least = std::min(least, clocks_.staleness(slot, stamp)); });
  return least;
}

std::size_t PrefixHolders::stalest(std::span<const PrefixSlot> slots, std::span<const PrefixStamp> stamps, std::uint32_t& worst) const {
  std::size_t place = 0;
  for (std::size_t i = 0; i < slots.size(); ++i)
    if (const std::uint32_t stale = clocks_.staleness(slots[i], stamps[i]); stale > worst) {
      worst = stale;
      place = i;
    }
  return place;
}

bool PrefixHolders::room_for_list() const {
  // Half of the room at most: many blocks with a few holders each must not take the place of the common prompts.
  return lists_.has_free() || lists_.bytes() + sizeof(HolderList) * RecordStore<HolderList>::ChunkRecords <= wide_bytes_max_ / 2;
}

bool PrefixHolders::widen(PrefixEntry& entry) {
  if (!entry.is_list()) {
    if (!room_for_list()) return false;
    const std::uint32_t number = lists_.take();
    HolderList& list = lists_[number];
    std::ranges::copy(entry.slot, list.slot.begin());
    std::ranges::copy(entry.stamp, list.stamp.begin());
    list.count = InlineHolders;
    entry.slot[0] = PrefixEntry::ListSlot;
    entry.stamp[0] = number;
    return true;
  }

  // lists_ is not touched before the array is there, so that a refusal changes nothing.
  if (bytes() + bytes_of(clocks_.size()) + (arrays_.has_free() ? 0 : sizeof(HolderArray) * RecordStore<HolderArray>::ChunkRecords) >
      wide_bytes_max_)
    return false;
  const std::uint32_t number = arrays_.take();
  HolderArray& array = arrays_[number];
  if (!reserve(array, clocks_.size())) {
    arrays_.give_back(number);
    return false;
  }
  const HolderList& list = lists_[entry.stamp[0]];
  for (std::size_t i = 0; i < list.count; ++i) put_in_array(array, list.slot[i], list.stamp[i]);
  lists_.give_back(entry.stamp[0]);
  entry.slot[0] = PrefixEntry::ArraySlot;
  entry.stamp[0] = number;
  return true;
}

bool PrefixHolders::reserve(HolderArray& array, std::size_t slots) {
  if (bytes() + bytes_of(slots) - bytes_of(array.slots) > wide_bytes_max_) return false;
  auto bits = std::make_unique<std::uint64_t[]>(slots / 64);
  auto stamps = std::make_unique_for_overwrite<PrefixStamp[]>(slots);
  std::copy_n(array.bits.get(), array.slots / 64, bits.get());
  std::copy_n(array.stamps.get(), array.slots, stamps.get());
  std::fill(stamps.get() + array.slots, stamps.get() + slots, AbsentStamp);
  array_bytes_ += bytes_of(slots) - bytes_of(array.slots);
  array.slots = slots;
  array.bits = std::move(bits);
  array.stamps = std::move(stamps);
  return true;
}

}  // namespace evener::route
