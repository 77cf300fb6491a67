#include "evener/gateway/kv_note.h"

#include <algorithm>
#include <limits>

#include "evener/core/hashing.h"

namespace evener::gateway {
namespace {

std::uint32_t tokens(std::uint64_t count) {
  return static_cast<std::uint32_t>(std::min<std::uint64_t>(count, std::numeric_limits<std::uint32_t>::max() / 4));
}

}  // namespace

KvNote::KvNote(KvSubscriber& subscriber, EndpointId endpoint, const route::RequestView& request)
    : subscriber_(&subscriber), endpoint_(endpoint), id_(subscriber.next_id()) {
  subscriber.dispatched(endpoint, {.id = id_,
                                   // Only to tell chains apart that cannot have a block in common.
                                   .salt = hash_combine(hash_combine(request.tenant, request.model), request.adapter),
                                   .adapter = request.adapter,
                                   .blocks = {request.blocks.begin(), request.blocks.end()},
                                   .prompt_tokens = request.prompt_tokens,
                                   .block_tokens = request.block_tokens});
}

KvNote& KvNote::operator=(KvNote&& other) noexcept {
  if (this == &other) return *this;
  end({});
  subscriber_ = std::exchange(other.subscriber_, nullptr);
  endpoint_ = other.endpoint_;
  id_ = other.id_;
  return *this;
}

void KvNote::end(const std::optional<protocol::Usage>& usage) {
  if (subscriber_ == nullptr) return;
  std::optional<route::KvUsage> took;
  if (usage) {
    took = {.prompt_tokens = tokens(usage->prompt_tokens), .output_tokens = tokens(usage->completion_tokens), .cached_tokens = {}};
    // Engines that do not say how much was cached say nothing or 0, which cannot be told apart.
    if (usage->cached_tokens > 0) took->cached_tokens = tokens(usage->cached_tokens);
  }
  std::exchange(subscriber_, nullptr)->ended(endpoint_, id_, took);
}

}  // namespace evener::gateway
