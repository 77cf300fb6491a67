#pragma once
// Who wants to know what endpoints hold in their prefix caches, in our own block hashes (RequestView::blocks). The prefix index implements it.

#include <cstdint>
#include <span>

#include "evener/core/ids.h"

namespace evener::route {

/// How much the events tell of an endpoint's cache.
enum class KvKnowledge : std::uint8_t {
  Partial,  // some blocks are known; the rest is to be estimated
  Exact,    // nearly all requests' blocks are followed
};

class KvListener {
 public:
  virtual ~KvListener() = default;
  /// The endpoint holds these. May repeat what is known; in order from a prompt's beginning.
  virtual void stored(EndpointId endpoint, std::span<const std::uint64_t> blocks) = 0;
  /// The endpoint has lost these, or what lies before them.
  virtual void evicted(EndpointId endpoint, std::span<const std::uint64_t> blocks) = 0;
  /// Changes rarely. All that is known to be held is told again with stored() when it becomes Exact.
  virtual void follow(EndpointId endpoint, KvKnowledge knowledge) = 0;
  /// The endpoint holds nothing any more, or nobody knows what.
  virtual void cleared(EndpointId endpoint) = 0;
  /// About so many tokens fit into the endpoint's cache, learned from how much it held whenever it had to evict.
  virtual void capacity(EndpointId endpoint, std::uint64_t tokens) = 0;
};

}  // namespace evener::route
