#pragma once
// The hash table of the prefix index: open addressing within segments of 32 KiB that split one at a time (extendible hashing), so that it
// grows from one segment to a gigabyte without ever stopping to rehash everything. Bounded in entries; when full, a new entry takes the
// place of the stalest of a few. A sweep drops, a little with each call, what nobody is known to hold any more.

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "evener/route/prefix_holders.h"

namespace evener::route {

/// The hand of the sweep must come round before stamps are old enough to look new again (PrefixClocks), hence a bound on the bound.
inline constexpr std::size_t PrefixBlocksMax = std::size_t{1} << 24;

/// Not thread-safe. What it refers to must outlive it. Pointers are good until the next insert, erase or sweep.
class PrefixTable {
 public:
  PrefixTable(PrefixHolders& holders, std::size_t blocks_max);

  [[nodiscard]] PrefixEntry* find(std::uint64_t hash);
  [[nodiscard]] const PrefixEntry* find(std::uint64_t hash) const;
  /// The entry of this hash, a new one without holders when there was none. May drop another entry.
  PrefixEntry& insert(std::uint64_t hash);
  void erase(std::uint64_t hash);
  void prefetch(std::uint64_t hash) const;
  /// Looks at that many places, or up to one entry that very many hold, whichever comes first.
  void sweep(std::size_t places);

  [[nodiscard]] std::size_t size() const { return size_; }
  [[nodiscard]] std::size_t blocks_max() const { return blocks_max_; }
  /// Entries that were dropped because the table was full although somebody was known to hold them.
  [[nodiscard]] std::uint64_t dropped() const { return dropped_; }
  [[nodiscard]] std::size_t bytes() const;
  /// What bytes() can come to, with any hashes.
  [[nodiscard]] std::size_t bytes_max() const;

 private:
  static constexpr std::size_t SegmentEntries = 1024;
  static constexpr std::size_t SegmentLoadMax = SegmentEntries / 4 * 3;
  /// Most entries that may be left after dropping unknown ones for the segment not to be split.
  static constexpr std::size_t SegmentLoadKept = SegmentEntries / 8 * 5;
  /// Mean load below which no further segment is made: uniform hashes never come there, those made to collide must not take more memory.
  static constexpr std::size_t SegmentLoadMin = 334;
  static constexpr std::size_t EvictionSamples = 8;
  /// Only hashes made to collide would need a deeper directory; their segments evict instead, too.
  static constexpr unsigned DirectoryBitsMax = 18;

  struct alignas(64) Segment {
    std::array<PrefixEntry, SegmentEntries> entries{};
    std::uint32_t count = 0;
    std::uint32_t hand = 0;  // of eviction
    unsigned depth = 0;      // leading bits that its keys have in common
  };

  [[nodiscard]] Segment& segment(std::uint64_t key) const { return *directory_[key >> (64 - directory_bits_)]; }
  [[nodiscard]] static std::size_t home(std::uint64_t key) { return (key >> 24) % SegmentEntries; }
  [[nodiscard]] static std::size_t locate(const Segment& segment, std::uint64_t key, std::uint64_t hash);
  void erase_at(Segment& segment, std::size_t place);
  void prune(Segment& segment);
  bool split(Segment& segment, std::uint64_t key);
  void evict(Segment& segment);

  PrefixHolders& holders_;
  std::size_t blocks_max_;
  std::size_t segments_max_;
  std::size_t size_ = 0;
  std::uint64_t dropped_ = 0;
  unsigned directory_bits_ = 1;
  std::vector<Segment*> directory_;
  std::vector<std::unique_ptr<Segment>> segments_;
  std::vector<PrefixEntry> scratch_;
  std::size_t swept_segment_ = 0;
  std::size_t swept_place_ = 0;
};

}  // namespace evener::route
