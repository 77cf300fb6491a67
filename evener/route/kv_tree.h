#pragma once
// The blocks that an engine holds, as a tree in the engine's own hashes: which is whose parent, and how many tokens lie before it. Our blocks
// are anchored to the engine's: one of ours is there while the engine's block that it ends in and all before that are there. Knows nothing of
// requests; see kv_map.h for how anchors come about.

#include <cstdint>
#include <optional>
#include <span>
#include <unordered_map>
#include <vector>

#include "evener/core/ids.h"
#include "evener/route/kv_listener.h"

namespace evener::route {

/// Blocks of one engine that are followed; further ones are not. 16 tokens each: 8 million tokens.
inline constexpr std::size_t KvNodesMax = 1U << 19;
/// Our blocks that are anchored to them.
inline constexpr std::size_t KvAnchorsMax = 1U << 20;
/// Places (a rank's GPU memory, host memory, ...) in which a block may lie at once; further ones count as the last.
inline constexpr std::uint32_t KvPlacesMax = 32;

/// Not thread-safe. Everything O(1) per block but where said.
class KvTree {
 public:
  using Index = std::uint32_t;
  static constexpr Index None = 0xffffffffU;

  enum class Origin : std::uint8_t { Text, TokenIds };

  struct Anchor {
    std::uint64_t block = 0;  // ours
    std::uint64_t salt = 0;   // where its chain began
    std::uint32_t end = 0;    // tokens before its end; of text an estimate
    Origin origin = Origin::Text;
    bool announced = false;
  };

  struct Node {
    std::uint64_t hash = 0;
    std::uint64_t adapter = 0;
    Index parent = None, child = None, next = None, previous = None;
    std::uint32_t end = 0;     // tokens up to its end, from the prompt's beginning; 0 = not known
    std::uint32_t length = 0;  // tokens of its own; 0 = not known
    std::uint32_t places = 0;  // bits; 0 = gone, kept because something hangs from it
    Index run = None;          // of kv_map: the run that ends here
    std::vector<std::uint32_t> tokens;
    std::vector<Anchor> anchors;
  };

  KvTree(EndpointId endpoint, KvListener& listener) : endpoint_(endpoint), listener_(listener) {}

  struct Stored {
    std::span<const std::uint64_t> blocks;  // each the parent of the next
    std::optional<std::uint64_t> parent;    // of the first; nothing = they begin a prompt
    std::span<const std::uint32_t> tokens;  // of all blocks; empty = not said or not wanted
    std::uint32_t block_tokens = 0;
    std::uint64_t adapter = 0;
    std::uint32_t place = 0;  // below KvPlacesMax
  };
  /// Takes the blocks in. `fresh` becomes those of them that were not there, which form a path. A parent that nobody told us of is taken to be
  /// there, with an unknown depth.
  void store(const Stored& stored, std::vector<Index>& fresh);
  /// A block has left a place. When it was the last one, whatever hangs from it is out of reach, and its anchors are reported as evicted.
  /// False when the block was not known.
  bool remove(std::uint64_t hash, std::uint32_t place);
  void clear();

  [[nodiscard]] const Node& node(Index index) const { return nodes_[index]; }
  [[nodiscard]] Index find(std::uint64_t hash) const;
  /// Where our block is anchored; None = nowhere.
  [[nodiscard]] Index anchored(std::uint64_t block) const;
  /// Tokens up to the block's end, 0 when unknown. O(blocks since a depth was last asked for).
  [[nodiscard]] std::uint32_t end_of(Index index);
  /// For a block whose parent came without its own parents: its depth was found in another way.
  void set_end(Index index, std::uint32_t tokens) { nodes_[index].end = tokens; }
  void set_run(Index index, Index run) { nodes_[index].run = run; }
  /// From the first known block to this one. O(length).
  void path_to(Index index, std::vector<Index>& path) const;
  /// Whether it and all before it are there. O(depth).
  [[nodiscard]] bool reachable(Index index) const;
  /// Whether `ancestor` lies on the way to `index`, or is it. O(depth).
  [[nodiscard]] bool on_path(Index ancestor, Index index) const;
  /// The last block that two paths have in common; None when they have none. O(depth).
  [[nodiscard]] Index common(Index one, Index other) const;

  /// Anchors our block, or moves it. False at KvAnchorsMax.
  bool anchor(Index index, const Anchor& anchor);
  /// Tells the listener of these blocks, those that are anchored within reach; they are announced from now on.
  void announce(std::span<const std::uint64_t> blocks);

  /// Tells the listener again of all that is announced. O(blocks).
  void announce_again();

  [[nodiscard]] std::size_t resident_blocks() const { return resident_blocks_; }
  [[nodiscard]] std::uint64_t resident_tokens() const { return resident_tokens_; }
  [[nodiscard]] std::size_t anchors() const { return anchors_.size(); }
  [[nodiscard]] std::uint64_t overflowed() const { return overflowed_; }          // blocks that found no room
  [[nodiscard]] Index size() const { return static_cast<Index>(nodes_.size()); }  // indices are below this
  [[nodiscard]] bool in_use(Index index) const {
    return nodes_[index].length != 0 || nodes_[index].places != 0 || nodes_[index].child != None;
  }

 private:
  Index add(std::uint64_t hash, Index parent);
  void adopt(Index index, Index parent);
  void revive(Index index);
  void withdraw_below(Index index);
  void release(Index index);
  void unlink(Index index);
  void drop_anchor(std::uint64_t block, Index index);

  EndpointId endpoint_;
  KvListener& listener_;
  std::vector<Node> nodes_;
  std::vector<Index> unused_;
  std::unordered_map<std::uint64_t, Index> by_hash_;  // looked up, never iterated
  std::unordered_map<std::uint64_t, Index> anchors_;  // ours -> node; looked up, never iterated
  std::vector<std::uint64_t> changed_;                // scratch for the listener
  std::vector<Index> scratch_;
  std::size_t resident_blocks_ = 0;
  std::uint64_t resident_tokens_ = 0, overflowed_ = 0;
};

}  // namespace evener::route
