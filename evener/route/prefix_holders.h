#pragma once
// Who holds a block: up to four endpoints within the table's entry itself, which is enough for nearly all blocks, and a wide record for
// those that many hold, such as a common system prompt. A list of up to 31 holders comes first, then an array over all slots with a bit
// per slot. Wide records are bounded in bytes; when there is no room for one, the holder that was stamped longest ago gives its place.

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "evener/route/prefix_clock.h"

namespace evener::route {

inline constexpr std::size_t InlineHolders = 4;
inline constexpr std::size_t ListedHolders = 31;

/// What the table keeps per block. In slot[0] may stand that stamp[0] is the number of a wide record.
struct PrefixEntry {
  static constexpr PrefixSlot NoSlot = 0xffff, ListSlot = 0xfffe, ArraySlot = 0xfffd;

  std::uint64_t hash = 0;  // 0 = no entry
  std::array<PrefixStamp, InlineHolders> stamp{AbsentStamp, AbsentStamp, AbsentStamp, AbsentStamp};
  std::array<PrefixSlot, InlineHolders> slot{NoSlot, NoSlot, NoSlot, NoSlot};

  [[nodiscard]] bool is_list() const { return slot[0] == ListSlot; }
  [[nodiscard]] bool is_array() const { return slot[0] == ArraySlot; }
};
static_assert(sizeof(PrefixEntry) == 32);

/// Up to 31 holders; the first `count` are in use.
struct HolderList {
  std::array<PrefixStamp, ListedHolders> stamp;
  std::array<PrefixSlot, ListedHolders> slot;
  std::uint16_t count = 0;
};

/// A stamp for each of `slots` slots (a multiple of 64); AbsentStamp where the bit is not set.
struct HolderArray {
  std::size_t slots = 0;
  std::unique_ptr<std::uint64_t[]> bits;
  std::unique_ptr<PrefixStamp[]> stamps;

  [[nodiscard]] std::uint64_t word(std::size_t index) const { return index * 64 < slots ? bits[index] : 0; }
  [[nodiscard]] bool has(PrefixSlot slot) const { return ((word(slot / 64u) >> (slot % 64u)) & 1) != 0; }
};

/// Numbered records in chunks, so that growing never moves them.
template <class T>
class RecordStore {
 public:
  static constexpr std::size_t ChunkRecords = 256;

  std::uint32_t take() {
    if (free_.empty()) {
      const auto first = static_cast<std::uint32_t>(chunks_.size() * ChunkRecords);
      chunks_.push_back(std::make_unique<std::array<T, ChunkRecords>>());
      for (std::uint32_t i = ChunkRecords; i-- > 0;) free_.push_back(first + i);
    }
    const std::uint32_t number = free_.back();
    free_.pop_back();
    return number;
  }
  void give_back(std::uint32_t number) {
    (*this)[number] = T{};
    free_.push_back(number);
  }
  T& operator[](std::uint32_t number) { return (*chunks_[number / ChunkRecords])[number % ChunkRecords]; }
  const T& operator[](std::uint32_t number) const { return (*chunks_[number / ChunkRecords])[number % ChunkRecords]; }

  [[nodiscard]] bool has_free() const { return !free_.empty(); }
  [[nodiscard]] std::size_t bytes() const {
    return chunks_.size() * sizeof(std::array<T, ChunkRecords>) + chunks_.capacity() * sizeof(chunks_[0]) +
           free_.capacity() * sizeof(std::uint32_t);
  }

 private:
  std::vector<std::unique_ptr<std::array<T, ChunkRecords>>> chunks_;
  std::vector<std::uint32_t> free_;
};

/// Reads and changes the holders of entries. Not thread-safe. `clocks` must outlive it.
class PrefixHolders {
 public:
  PrefixHolders(const PrefixClocks& clocks, std::size_t wide_bytes_max) : clocks_(clocks), wide_bytes_max_(wide_bytes_max) {}

  /// AbsentStamp when it is not among the holders.
  [[nodiscard]] PrefixStamp find(const PrefixEntry& entry, PrefixSlot slot) const;
  /// Adds it or stamps it anew.
  void put(PrefixEntry& entry, PrefixSlot slot, PrefixStamp stamp);
  void drop(PrefixEntry& entry, PrefixSlot slot);
  /// Drops holders that are not known any more and makes the rest as narrow as it can be. Returns how many are left.
  std::size_t prune(PrefixEntry& entry);
  /// No holders; must be done before an entry is thrown away.
  void clear(PrefixEntry& entry);
  /// Of the holder that is least stale.
  [[nodiscard]] std::uint32_t staleness(const PrefixEntry& entry) const;

  [[nodiscard]] const HolderArray& array(const PrefixEntry& entry) const { return arrays_[entry.stamp[0]]; }

  template <class Visit>
  void for_each(const PrefixEntry& entry, Visit&& visit) const {
    if (entry.is_array()) {
      const HolderArray& array = arrays_[entry.stamp[0]];
      for (std::size_t word = 0; word * 64 < array.slots; ++word)
        for (std::uint64_t bits = array.bits[word]; bits != 0; bits &= bits - 1) {
          const std::size_t slot = word * 64 + static_cast<std::size_t>(std::countr_zero(bits));
          visit(static_cast<PrefixSlot>(slot), array.stamps[slot]);
        }
    } else if (entry.is_list()) {
      const HolderList& list = lists_[entry.stamp[0]];
      for (std::size_t i = 0; i < list.count; ++i) visit(list.slot[i], list.stamp[i]);
    } else {
      for (std::size_t i = 0; i < InlineHolders; ++i)
        if (entry.slot[i] != PrefixEntry::NoSlot) visit(entry.slot[i], entry.stamp[i]);
    }
  }

  [[nodiscard]] std::size_t bytes() const { return lists_.bytes() + arrays_.bytes() + array_bytes_; }

 private:
  static std::size_t bytes_of(std::size_t slots) { return slots * sizeof(PrefixStamp) + slots / 8; }
  [[nodiscard]] std::size_t stalest(std::span<const PrefixSlot> slots, std::span<const PrefixStamp> stamps, std::uint32_t& worst) const;
  [[nodiscard]] bool room_for_list() const;
  [[nodiscard]] bool widen(PrefixEntry& entry);
  [[nodiscard]] bool reserve(HolderArray& array, std::size_t slots);
  void put_in_list(PrefixEntry& entry, PrefixSlot slot, PrefixStamp stamp);
  void put_in_array(HolderArray& array, PrefixSlot slot, PrefixStamp stamp);

  const PrefixClocks& clocks_;
  std::size_t wide_bytes_max_;
  RecordStore<HolderList> lists_;
  RecordStore<HolderArray> arrays_;
  std::size_t array_bytes_ = 0;
};

}  // namespace evener::route
