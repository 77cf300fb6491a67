#pragma once
// What vLLM and SGLang publish about their KV caches: which blocks of tokens were stored, removed, or all cleared, one msgpack batch per
// message. Both forms are read, the older of tagged arrays and the newer of maps; fields that are new to us are passed over, events of an
// unknown kind are counted. The blocks' hashes are opaque: engines make them from salts that nobody else knows.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "evener/core/result.h"

namespace evener::protocol {

/// Bounds of one batch, which is what one step of an engine did. The largest seen of real engines stay a hundred times below them.
inline constexpr std::size_t KvPayloadBytesMax = 8U << 20;
inline constexpr std::size_t KvEventsMax = 65'536;    // per batch
inline constexpr std::size_t KvBlocksMax = 262'144;   // per batch, over all events
inline constexpr std::size_t KvTokensMax = 4U << 20;  // per batch, over all events
inline constexpr std::uint32_t KvBlockTokensMax = 65'536;

/// One event. A block's hash is the number that the engine sent, or the last eight bytes of a longer one.
struct KvEvent {
  enum class Kind : std::uint8_t { Stored, Removed, Cleared };

  Kind kind = Kind::Stored;
  std::vector<std::uint64_t> blocks;    // stored: each is the parent of the next
  std::optional<std::uint64_t> parent;  // stored: of the first block; nothing = it begins a prompt
  std::vector<std::uint32_t> tokens;    // stored: of all blocks in order; empty = the engine does not say, as for tiers beside the GPU
  std::uint32_t block_tokens = 0;       // stored: of each block
  std::string medium;                   // "GPU", a tier of host memory or disk; empty = not said, which means GPU
  std::string adapter;                  // stored: the LoRA adapter's name, or its number; empty = none
  std::optional<std::uint32_t> group;   // of hybrid models: which kind of attention
  std::string attention;                // stored: that kind's name, such as "full_attention" or "sliding_window"; empty = not said
  bool extra_keys = false;              // stored: more than tokens went into a hash (images, a salt)

  bool operator==(const KvEvent&) const = default;
};

struct KvBatch {
  double published_at_s = 0;  // the engine's wall clock
  std::vector<KvEvent> events;
  std::uint32_t rank = 0;  // of data parallelism: ranks have caches of their own
  std::uint32_t unknown_events = 0;

  bool operator==(const KvBatch&) const = default;
};

/// Refuses what is not msgpack of this shape, bytes behind the batch, and whatever is beyond the bounds; the endpoint's fault.
[[nodiscard]] Result<KvBatch> read_kv_batch(std::string_view payload);

enum class KvEncoding : std::uint8_t { Arrays, Maps };
/// The payload as vLLM writes it, hashes as numbers.
[[nodiscard]] std::string write_kv_batch(const KvBatch& batch, KvEncoding encoding);

}  // namespace evener::protocol
