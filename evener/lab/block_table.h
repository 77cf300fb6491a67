#pragma once
// BlockTable: from the hash of a block's content to the block that holds it. A flat table of fixed size, because looking blocks up is most
// of what a simulated request costs: linear probing at half load, and deletion that moves later entries up, so that nothing degrades.

#include <bit>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace evener::lab {

/// Not thread-safe. Holds at most the number of entries it was made for; the owner sees to that. All operations O(1) expected, for
/// whatever hashes: they are mixed again here.
class BlockTable {
 public:
  static constexpr std::uint32_t None = 0xffffffffU;

  explicit BlockTable(std::uint32_t entries_max)
      : entries_(std::bit_ceil(std::size_t{entries_max} * 2 + 1)), shift_(64 - std::countr_zero(entries_.size())) {}

  /// None when there is no such hash.
  [[nodiscard]] std::uint32_t find(std::uint64_t hash) const { return entries_[place_of(hash)].block; }

  /// False, and nothing changes, when the hash is there already.
  bool insert(std::uint64_t hash, std::uint32_t block) {
    Entry& entry = entries_[place_of(hash)];
    if (entry.block != None) return false;
    entry = {.hash = hash, .block = block};
    return true;
  }

  void erase(std::uint64_t hash) {
    std::size_t hole = place_of(hash);
    if (entries_[hole].block == None) return;
    for (std::size_t next = after(hole); entries_[next].block != None; next = after(next)) {
      // An entry may move into the hole unless its own home lies behind the hole, on the way to where it stands.
      const std::size_t home = home_of(entries_[next].hash);
      const bool home_between = hole <= next ? (hole < home && home <= next) : (hole < home || home <= next);
      if (home_between) continue;
      entries_[hole] = entries_[next];
      hole = next;
    }
    entries_[hole] = {};
  }

 private:
  struct Entry {
    std::uint64_t hash = 0;
    std::uint32_t block = None;
  };
  [[nodiscard]] std::size_t home_of(std::uint64_t hash) const { return static_cast<std::size_t>((hash * 0x9e3779b97f4a7c15ULL) >> shift_); }
  [[nodiscard]] std::size_t after(std::size_t place) const { return (place + 1) & (entries_.size() - 1); }
  /// Where the hash stands, or the empty place where it would.
  [[nodiscard]] std::size_t place_of(std::uint64_t hash) const {
    std::size_t place = home_of(hash);
    while (entries_[place].block != None && entries_[place].hash != hash) place = after(place);
    return place;
  }

  std::vector<Entry> entries_;
  int shift_;
};

}  // namespace evener::lab
