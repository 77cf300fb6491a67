#include "evener/route/prefix_table.h"

#include <algorithm>
#include <bit>
#include <limits>

namespace evener::route {

namespace {

constexpr std::uint32_t Unknown = std::numeric_limits<std::uint32_t>::max();

/// Zero marks a free place.
std::uint64_t stored(std::uint64_t hash) { return hash == 0 ? 1 : hash; }

/// Places follow from all bits of a hash, whichever of them the caller's hash function made good.
std::uint64_t key_of(std::uint64_t hash) {
  hash ^= hash >> 32;
  hash *= 0x9e3779b97f4a7c15ULL;
  return hash ^ (hash >> 29);
}

}  // namespace

PrefixTable::PrefixTable(PrefixHolders& holders, std::size_t blocks_max)
    : holders_(holders),
      blocks_max_(std::clamp(blocks_max, std::size_t{1}, PrefixBlocksMax)),
      segments_max_(blocks_max_ / SegmentLoadMin + 2) {
  // Address space only: the system gives memory when a part is first written. So neither moves when it grows.
  segments_.reserve(segments_max_);
  directory_.reserve(std::min(std::bit_ceil(2 * segments_max_), std::size_t{1} << DirectoryBitsMax));
  segments_.push_back(std::make_unique<Segment>());
  directory_.assign(2, segments_[0].get());
}

std::size_t PrefixTable::locate(const Segment& segment, std::uint64_t key, std::uint64_t hash) {
  std::size_t place = home(key);
  while (segment.entries[place].hash != hash && segment.entries[place].hash != 0) place = (place + 1) % SegmentEntries;
  return place;
}

const PrefixEntry* PrefixTable::find(std::uint64_t hash) const {
  hash = stored(hash);
  const std::uint64_t key = key_of(hash);
  const Segment& in = segment(key);
  const PrefixEntry& entry = in.entries[locate(in, key, hash)];
  return entry.hash == 0 ? nullptr : &entry;
}

PrefixEntry* PrefixTable::find(std::uint64_t hash) {
  hash = stored(hash);
  const std::uint64_t key = key_of(hash);
  Segment& in = segment(key);
  PrefixEntry& entry = in.entries[locate(in, key, hash)];
  return entry.hash == 0 ? nullptr : &entry;
}

void PrefixTable::prefetch(std::uint64_t hash) const {
  const std::uint64_t key = key_of(stored(hash));
  __builtin_prefetch(&segment(key).entries[home(key)]);
}

PrefixEntry& PrefixTable::insert(std::uint64_t hash) {
  hash = stored(hash);
  const std::uint64_t key = key_of(hash);
  {
    Segment& in = segment(key);
    PrefixEntry& entry = in.entries[locate(in, key, hash)];
    if (entry.hash != 0) return entry;
  }
  if (size_ >= blocks_max_) {
    std::size_t from = 0;
    Segment* victim = &segment(key);
    while (victim->count == 0) victim = segments_[from++].get();
    evict(*victim);
  }
  if (segment(key).count >= SegmentLoadMax) {
    prune(segment(key));
    while (segment(key).count > SegmentLoadKept && split(segment(key), key)) {}
    if (segment(key).count >= SegmentLoadMax) evict(segment(key));
  }

  Segment& in = segment(key);
  PrefixEntry& entry = in.entries[locate(in, key, hash)];
  entry.hash = hash;
  ++in.count;
  ++size_;
  return entry;
}

void PrefixTable::erase(std::uint64_t hash) {
  hash = stored(hash);
  const std::uint64_t key = key_of(hash);
  Segment& in = segment(key);
  const std::size_t place = locate(in, key, hash);
  if (in.entries[place].hash != 0) erase_at(in, place);
}

void PrefixTable::erase_at(Segment& in, std::size_t place) {
  holders_.clear(in.entries[place]);
  // What follows moves up unless it would come before its home; so no place is marked as deleted and searches stay short.
  std::size_t next = place;
  for (;;) {
    next = (next + 1) % SegmentEntries;
    const std::uint64_t hash = in.entries[next].hash;
    if (hash == 0) break;
    const std::size_t from_home = (next - home(key_of(hash))) % SegmentEntries;
    if (from_home < (next - place) % SegmentEntries) continue;
    in.entries[place] = in.entries[next];
    place = next;
  }
  in.entries[place] = PrefixEntry{};
  --in.count;
  --size_;
}

void PrefixTable::prune(Segment& in) {
  for (std::size_t place = 0; place < SegmentEntries;) {
    if (in.entries[place].hash != 0 && holders_.prune(in.entries[place]) == 0) erase_at(in, place);  // another may have come here
    else ++place;
  }
}

/// The longest that one call can take: 30 us in the middle on one core of an EPYC at 2.6 GHz in a virtual machine, most of it for fresh
/// pages; 0.1 ms when the directory of millions of blocks doubles, which it does once or twice.
bool PrefixTable::split(Segment& in, std::uint64_t key) {
  if (segments_.size() >= segments_max_) return false;
  if (in.depth == directory_bits_) {
    if (directory_bits_ == DirectoryBitsMax) return false;
    directory_.resize(directory_.size() * 2);
    for (std::size_t i = directory_.size(); i-- > 0;) directory_[i] = directory_[i / 2];
    ++directory_bits_;
  }
  segments_.push_back(std::make_unique<Segment>());
  Segment& other = *segments_.back();
  const std::size_t width = std::size_t{1} << (directory_bits_ - in.depth);
  const std::size_t first = static_cast<std::size_t>(key >> (64 - directory_bits_)) / width * width;
  for (std::size_t i = first + width / 2; i < first + width; ++i) directory_[i] = &other;
  ++in.depth;
  other.depth = in.depth;

  scratch_.clear();
  scratch_.reserve(SegmentEntries);
  for (const PrefixEntry& entry : in.entries)
    if (entry.hash != 0) scratch_.push_back(entry);
  in.entries.fill(PrefixEntry{});
  in.count = 0;
  for (const PrefixEntry& entry : scratch_) {
    const std::uint64_t its_key = key_of(entry.hash);
    Segment& to = segment(its_key);
    to.entries[locate(to, its_key, entry.hash)] = entry;
    ++to.count;
  }
  return true;
}

void PrefixTable::evict(Segment& in) {
  std::size_t victim = SegmentEntries;
  std::uint32_t worst = 0;
  std::size_t samples = 0;
  for (std::size_t seen = 0; seen < SegmentEntries && samples < EvictionSamples; ++seen) {
    const std::size_t place = in.hand;
    in.hand = (in.hand + 1) % SegmentEntries;
    if (in.entries[place].hash == 0) continue;
    ++samples;
    const std::uint32_t stale = holders_.staleness(in.entries[place]);
    if (victim != SegmentEntries && stale <= worst) continue;
    victim = place;
    worst = stale;
    if (stale == Unknown) break;
  }
  if (worst != Unknown) ++dropped_;
  erase_at(in, victim);
}

void PrefixTable::sweep(std::size_t places) {
  for (std::size_t i = 0; i < places; ++i) {
    Segment& in = *segments_[swept_segment_];
    PrefixEntry& entry = in.entries[swept_place_];
    const bool many = entry.is_array();
    if (entry.hash != 0 && holders_.prune(entry) == 0) {
      erase_at(in, swept_place_);  // another may have come here, so look again
    } else if (++swept_place_ == SegmentEntries) {
      swept_place_ = 0;
      swept_segment_ = (swept_segment_ + 1) % segments_.size();
    }
    if (many) return;
  }
}

std::size_t PrefixTable::bytes() const {
  return segments_.size() * sizeof(Segment) + segments_.size() * sizeof(std::unique_ptr<Segment>) + directory_.size() * sizeof(Segment*) +
         scratch_.capacity() * sizeof(PrefixEntry);
}

std::size_t PrefixTable::bytes_max() const {
  return segments_max_ * (sizeof(Segment) + sizeof(std::unique_ptr<Segment>)) + (std::size_t{1} << DirectoryBitsMax) * sizeof(Segment*) +
         SegmentEntries * sizeof(PrefixEntry);
}

}  // namespace evener::route
