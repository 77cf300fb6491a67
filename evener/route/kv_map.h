#pragma once
// From an engine's cache events to our blocks. Prompts of token ids are exact: the events carry the ids, so our own chain of hashes is computed
// over them. Text is not: only the engine has the tokenizer. There it is learned which blocks of the engine belong to which prompt, by looking
// which run of new blocks fits a request that has ended: where it began (cached_tokens), where it ended (prompt and output tokens), when it
// was stored, and whether it hangs from what is known of the same prompt. One run must fit one request and no other, else nothing is learned and
// the prefix index keeps its estimate. How much the cache holds at the moments when it evicts is its capacity.

#include <cstdint>
#include <deque>
#include <optional>
#include <span>
#include <unordered_map>
#include <vector>

#include "evener/core/ids.h"
#include "evener/core/time.h"
#include "evener/route/kv_listener.h"
#include "evener/route/kv_tree.h"

namespace evener::route {

/// A request as far as it matters here, when it was dispatched to the endpoint.
struct KvRequest {
  enum class Prompt : std::uint8_t { Text, TokenIds };

  std::uint64_t id = 0;  // the caller's, in use once
  Prompt prompt = Prompt::Text;
  std::uint64_t salt = 0;             // where the chain of its blocks begins
  std::uint64_t adapter = 0;          // hash of the LoRA adapter; 0 = none
  std::vector<std::uint64_t> blocks;  // ours
  std::uint32_t prompt_tokens = 0;    // estimated
  std::uint32_t block_tokens = 0;     // estimated, of one of our blocks
};

/// What the endpoint said that it took.
struct KvUsage {
  std::uint32_t prompt_tokens = 0;
  std::uint32_t output_tokens = 0;
  std::optional<std::uint32_t> cached_tokens;
};

struct KvMapSettings {
  /// The hash of our next block of token ids, from the hash before it (the salt for the first). Null: ids are treated as text is.
  std::uint64_t (*chain)(std::uint64_t before, std::span<const std::uint32_t> ids) = nullptr;
  std::uint32_t ids_per_block = 256;
};

struct KvMapStatus {
  KvKnowledge knowledge = KvKnowledge::Partial;
  bool complete = false;  // followed from the cache's beginning; else blocks of before are missing
  std::uint64_t resident_blocks = 0, resident_tokens = 0, capacity_tokens = 0;
  std::uint64_t stored_blocks = 0, removed_blocks = 0, unknown_removed = 0, overflowed = 0, cleared = 0;
  std::uint64_t attributed = 0;     // requests whose blocks are known
  std::uint64_t unattributed = 0;   // requests that left new blocks, but not clear which
  std::uint64_t without_usage = 0;  // requests that ended without saying what they took
  std::uint64_t anchors = 0;        // our blocks that are followed exactly
};

/// The cache of one endpoint. Not thread-safe. Time comes with the calls and never runs backwards.
class KvMap {
 public:
  static constexpr std::size_t SegmentsMax = 65'536;                 // kept; the oldest goes
  static constexpr std::size_t RootlessMax = 1024;                   // of them, those of unknown depth that are looked at
  static constexpr std::size_t RequestsMax = 65'536;                 // in flight; more are not followed
  static constexpr std::size_t PendingMax = 1024;                    // ended and not yet attributed; the oldest is given up
  static constexpr std::size_t SaltsMax = 8;                         // of prompts of token ids; the one unused longest leaves
  static constexpr std::size_t ExpectedMax = 262'144;                // blocks of token ids that a request in flight will store
  static constexpr Duration SettleMax = std::chrono::seconds(2);     // events may come so long after the answer
  static constexpr Duration RunIdleMax = std::chrono::seconds(120);  // a run that did not grow for so long is closed
  static constexpr Duration RequestAgeMax = std::chrono::hours(2);   // then nobody will tell of its end any more

  // Knowledge is exact from the one share of the latest requests on, and no more below the other.
  static constexpr double ExactFrom = 0.9, ExactUntil = 0.75;
  static constexpr std::uint32_t ExactAfterMin = 16, ExactWindow = 32;  // requests

  KvMap(EndpointId endpoint, KvListener& listener, const KvMapSettings& settings)
      : endpoint_(endpoint), listener_(listener), settings_(settings), tree_(endpoint, listener) {}

  // What the engine published, in its order.
  /// `place` tells apart where a block lies (rank, medium, group), as any number; see KvPlacesMax.
  void stored(const KvTree::Stored& stored, std::uint64_t place, Instant now);
  void removed(std::span<const std::uint64_t> blocks, std::uint64_t place);
  /// The engine says that its cache is empty.
  void cleared();
  /// Events were lost, or the engine began anew: nothing is known any more.
  void lost();
  /// What comes next is the first thing that the engine published since its cache was empty.
  void began() { complete_ = true; }

  // What the gateway did.
  void dispatched(KvRequest request, Instant now);
  /// Nothing = the attempt failed, or its usage is not known.
  void ended(std::uint64_t id, const std::optional<KvUsage>& usage, Instant now);
  /// After each batch of events, and now and then: looks who has left what, and gives up what came to nothing.
  void tick(Instant now);
  /// Whether tick() has something to wait for.
  [[nodiscard]] bool waiting() const { return !pending_.empty(); }

  [[nodiscard]] KvMapStatus status() const;

 private:
  using Index = KvTree::Index;
  /// A path of blocks that was stored at once, or token by token behind such a one. What a request leaves behind is a chain of these.
  struct Segment {
    Index first = KvTree::None, tip = KvTree::None;
    Index before = KvTree::None;  // the segment whose last block is the parent of the first
    std::uint32_t end = 0;        // tokens, as in by_end_; 0 = not known
    std::uint32_t blocks = 0;
    Instant at{};                        // when its first block was stored
    Instant grew_at{};                   // when something was stored behind its last block; never = Instant{}
    Instant dispatched_before_growth{};  // the latest dispatch before that
    bool token_by_token = false;
    bool owned = false;  // whose it is has been found
  };
  struct InFlight {
    KvRequest request;
    Instant dispatched_at{};
    bool alone = true;  // no other was at this endpoint at any time of it
  };
  struct Pending {
    InFlight of;
    std::optional<KvUsage> usage;
    Instant ended_at{};
  };
  /// Segments that a request left behind.
  struct Found {
    Index first = KvTree::None, last = KvTree::None;
    std::uint32_t begin = 0;  // tokens before the first
  };

  std::uint32_t place_bit(std::uint64_t place);
  void add_segment(Instant now);
  Index new_segment();
  void drop_segment(Index segment);
  void file(Index segment, std::uint32_t end);
  void unfile(Index segment);
  [[nodiscard]] bool is_valid(Index segment) const;
  void forget_all();

  void settle();
  bool settle_one(std::size_t index);
  [[nodiscard]] bool leaves_blocks(const Pending& pending) const;
  [[nodiscard]] bool leaves_prompt_blocks(const Pending& pending) const;
  template <class Visit>
  void for_each_candidate(const Pending& pending, Visit visit);
  [[nodiscard]] std::optional<Found> fits(const Pending& pending, Index segment);
  [[nodiscard]] std::optional<Found> chain_to(const Pending& pending, Index segment);
  [[nodiscard]] bool goes_on_before(const Segment& segment) const;
  [[nodiscard]] bool went_on(const Pending& pending, const Segment& segment) const;
  [[nodiscard]] bool related(const KvRequest& request, const Found& found);
  void attribute(const Pending& pending, const Found& found);
  void move_to_branch(const KvRequest& request, Index tip);

  struct Salt {  // of prompts of token ids
    std::uint64_t salt = 0, adapter = 0;
    Instant used_at{};
  };
  void extend_chains();
  void chain_along(Index tip, const Salt& salt);
  void expect(const KvRequest& request, Instant now);
  void stop_expecting(const KvRequest& request);
  void learn_capacity();
  void count(const Pending& pending, bool found);

  EndpointId endpoint_;
  KvListener& listener_;
  KvMapSettings settings_;
  KvTree tree_;
  std::vector<std::uint64_t> places_;  // by bit

  std::vector<Segment> segments_;  // a free slot has no tip
  std::vector<Index> unused_segments_;
  std::deque<Index> segments_by_age_;                             // oldest first
  std::unordered_map<std::uint32_t, std::vector<Index>> by_end_;  // looked up, never iterated
  std::deque<Index> rootless_;                                    // of unknown depth, newest last

  std::unordered_map<std::uint64_t, InFlight> in_flight_;
  std::size_t alone_ = 0;        // of in_flight_, those that were alone so far
  std::deque<Pending> pending_;  // oldest first
  Instant next_sweep_{};
  bool segments_changed_ = false;
  Instant last_dispatch_at_{};
  std::uint32_t block_tokens_ = 0;  // of the engine's blocks, as last seen

  std::vector<Salt> salts_;
  bool keeps_tokens_ = false;                                  // a prompt of token ids has been seen
  std::unordered_map<std::uint64_t, std::uint64_t> expected_;  // our block -> the last request that will store it

  std::vector<Index> fresh_, path_, candidates_;  // scratch
  std::vector<std::uint64_t> blocks_;             // scratch
  std::vector<std::uint32_t> ids_;                // scratch

  bool complete_ = false;
  double found_share_ = 0;  // of the latest requests that left blocks behind, those whose blocks are known
  std::uint32_t judged_ = 0;
  KvKnowledge knowledge_ = KvKnowledge::Partial;
  std::uint64_t known_removals_ = 0;  // in a row
  std::uint64_t capacity_ = 0, capacity_told_ = 0;
  KvMapStatus counts_;
};

}  // namespace evener::route
