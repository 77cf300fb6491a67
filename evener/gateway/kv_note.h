#pragma once
// KvNote: tells the follower of an endpoint's KV events that a request is there, and how it ended, whatever path that takes.

#include <cstdint>
#include <optional>
#include <utility>

#include "evener/core/ids.h"
#include "evener/gateway/kv_subscriber.h"
#include "evener/protocol/openai.h"
#include "evener/route/view.h"

namespace evener::gateway {

/// Lives with the attempt. Not thread-safe.
class KvNote {
 public:
  KvNote() = default;
  /// Before the request is sent. Copies the blocks.
  KvNote(KvSubscriber& subscriber, EndpointId endpoint, const route::RequestView& request);
  KvNote(KvNote&& other) noexcept { *this = std::move(other); }
  KvNote& operator=(KvNote&& other) noexcept;
  ~KvNote() { end({}); }

  /// Once; nothing = what it took is not known.
  void end(const std::optional<protocol::Usage>& usage);

 private:
  KvSubscriber* subscriber_ = nullptr;
  EndpointId endpoint_{};
  std::uint64_t id_ = 0;
};

}  // namespace evener::gateway
