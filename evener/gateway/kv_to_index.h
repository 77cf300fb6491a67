#pragma once
// KvToIndex: what an engine's KV events say goes to the prefix index of its pool, where it takes the place of the estimate.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <utility>

#include "evener/gateway/pool.h"
#include "evener/route/kv_listener.h"

namespace evener::gateway {

/// Called on the subscriber's thread; takes the pool's mutex for at most BlocksAtOnce blocks at a time, so that a replay of a whole cache holds
/// up no decision.
class KvToIndex final : public route::KvListener {
 public:
  static constexpr std::size_t BlocksAtOnce = 256;

  /// `block_tokens` is about what one of our blocks holds.
  KvToIndex(std::shared_ptr<Pool> pool, double block_tokens) : pool_(std::move(pool)), block_tokens_(block_tokens) {}

  void stored(EndpointId endpoint, std::span<const std::uint64_t> blocks) override;
  void evicted(EndpointId endpoint, std::span<const std::uint64_t> blocks) override;
  void follow(EndpointId endpoint, route::KvKnowledge knowledge) override;
  void cleared(EndpointId endpoint) override;
  void capacity(EndpointId endpoint, std::uint64_t tokens) override;

 private:
  std::shared_ptr<Pool> pool_;
  double block_tokens_;
};

}  // namespace evener::gateway
