#pragma once
// PrefixIndex: which endpoint probably holds which beginning of a prompt in its cache. Prompts come as chained hashes of their blocks of
// content: an equal hash means that everything before is equal, too. The caller salts them per tenant and model, so that nobody learns from
// timing what others ask. What an endpoint holds is estimated from what was sent there and how fast it forgets, which is learned from the
// cached tokens that it reports; or it is exact, where the engine publishes its cache's events. No clock, no chance, no threads: the same
// calls give the same answers.

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <unordered_map>
#include <vector>

#include "evener/core/ids.h"
#include "evener/route/prefix_clock.h"
#include "evener/route/prefix_holders.h"
#include "evener/route/prefix_prediction.h"
#include "evener/route/prefix_table.h"

namespace evener::route {

/// Blocks of one prompt that are looked at; the rest counts as not held. 4 million tokens in blocks of 256.
inline constexpr std::size_t PromptBlocksMax = 16384;

struct PrefixSettings {
  std::size_t blocks_max = 10'000'000;                 // different blocks; at most PrefixBlocksMax. Memory is taken as they come
  std::size_t wide_bytes_max = std::size_t{64} << 20;  // for blocks that more than four endpoints hold
  double capacity_blocks = 2048;                       // of an endpoint's cache, until it is reported or learned

  bool operator==(const PrefixSettings&) const = default;
};

/// What the engine said that a request took. Without cached tokens nothing is learned.
struct PrefixUsage {
  std::uint32_t prompt_tokens = 0;
  std::uint32_t output_tokens = 0;  // they take room in the cache, too
  std::optional<std::uint32_t> cached_tokens;
};

/// Predicted against real hits of one endpoint since it was added.
struct PrefixQuality {
  std::uint64_t requests = 0;  // that reported cached tokens
  std::uint64_t predicted_tokens = 0;
  std::uint64_t cached_tokens = 0;  // reported
  std::uint64_t error_tokens = 0;   // sum of |predicted - reported|
};

/// Not thread-safe. Endpoints that were not added are ignored everywhere, so that what ends after a removal harms nothing.
class PrefixIndex {
 public:
  explicit PrefixIndex(PrefixSettings settings = {});
  PrefixIndex(const PrefixIndex&) = delete;
  PrefixIndex& operator=(const PrefixIndex&) = delete;

  /// Its slot; the same again when it was added before. Nothing when PrefixSlotsMax endpoints are there: this one then never has a hit.
  std::optional<PrefixSlot> add(EndpointId endpoint);
  /// O(1); its slot goes to the next that is added.
  void remove(EndpointId endpoint);
  [[nodiscard]] std::optional<PrefixSlot> slot(EndpointId endpoint) const;

  /// Leading blocks of the prompt that each endpoint probably holds, by slot; `leading` is made as long as there are slots. A block that
  /// nobody holds ends all runs, one that an endpoint misses ends its run. Returns the longest run; when it is 0 all are. For 16 blocks
  /// 0.1 to 0.3 us with 100 endpoints, 2 us with 4,000 that hold most of it and 6 us when each holds another part, 50 ns per block when
  /// nothing of ten million blocks is in the CPU's caches (one core of an EPYC at 2.6 GHz, prefix_index_bench).
  std::uint32_t lookup(std::span<const std::uint64_t> blocks, std::vector<std::uint32_t>& leading) const;

  /// The prompt was dispatched there, and will be held. In exact mode that is only assumed until the engine's events say so.
  PrefixPrediction sent(EndpointId endpoint, std::span<const std::uint64_t> blocks, std::uint32_t prompt_tokens,
                        std::uint32_t block_tokens);
  /// It did not take the prompt after all (refused, connection failed): what was new with it is not held.
  void withdrawn(EndpointId endpoint, std::span<const std::uint64_t> blocks, const PrefixPrediction& prediction);
  /// The request ended. Counts prediction against report, learns the capacity (not in exact mode) and ages the rest by the answer.
  void settled(EndpointId endpoint, const PrefixPrediction& prediction, const PrefixUsage& usage);
  /// What the endpoint says that its cache holds, in blocks of ours.
  void capacity_reported(EndpointId endpoint, double blocks);
  /// It lost its cache (restarted, or an event says so). O(1).
  void cleared(EndpointId endpoint);

  /// Exact: forgets the estimates; from here on stored() and evicted() tell, and sent() only bridges the time until they do. Estimated:
  /// the events ended; what they told ages from here.
  void follow(EndpointId endpoint, PrefixKnowledge knowledge);
  void stored(EndpointId endpoint, std::span<const std::uint64_t> blocks);
  void evicted(EndpointId endpoint, std::span<const std::uint64_t> blocks);

  // Looking in. Zero for an endpoint that was not added.
  [[nodiscard]] PrefixQuality quality(EndpointId endpoint) const;
  [[nodiscard]] double capacity_blocks(EndpointId endpoint) const;
  [[nodiscard]] PrefixKnowledge knowledge(EndpointId endpoint) const;
  [[nodiscard]] std::size_t blocks() const { return table_.size(); }
  [[nodiscard]] std::size_t blocks_max() const { return table_.blocks_max(); }
  /// Blocks that were dropped for lack of room although somebody was known to hold them.
  [[nodiscard]] std::uint64_t blocks_dropped() const { return table_.dropped(); }
  /// All memory that grows with what is held, and what it can come to with any hashes and endpoints.
  [[nodiscard]] std::size_t bytes() const;
  [[nodiscard]] std::size_t bytes_max() const;

 private:
  [[nodiscard]] std::uint32_t resolve(std::span<const std::uint64_t> blocks, PrefixSlot slot, std::uint32_t run) const;
  /// The longest of their runs.
  std::uint32_t resolve_all(std::span<const std::uint64_t> blocks, const HolderArray& array, std::span<const std::uint64_t> slots,
                            std::uint32_t run, std::vector<std::uint32_t>& leading) const;
  struct Walked {
    std::uint32_t blocks = 0;
    std::uint32_t longest = 0;
  };
  Walked walk_arrays(std::span<const std::uint64_t> blocks, std::vector<std::uint32_t>& leading) const;
  void learn(PrefixSlot slot, const PrefixPrediction& prediction, double depth);
  [[nodiscard]] bool live_at(std::uint64_t hash, PrefixSlot slot) const;

  PrefixSettings settings_;
  PrefixClocks clocks_;
  PrefixHolders holders_;
  PrefixTable table_;
  std::unordered_map<EndpointId, PrefixSlot> slot_of_;  // looked up, never walked
  std::vector<bool> used_;
  std::vector<PrefixQuality> quality_;
  std::vector<float> ages_;  // scratch of sent()
};

}  // namespace evener::route
