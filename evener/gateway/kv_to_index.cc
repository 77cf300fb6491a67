#include "evener/gateway/kv_to_index.h"

#include <algorithm>

namespace evener::gateway {
namespace {

template <class Use>
void in_parts(std::span<const std::uint64_t> blocks, Use use) {
  while (!blocks.empty()) {
    const std::size_t part = std::min(blocks.size(), KvToIndex::BlocksAtOnce);
    use(blocks.first(part));
    blocks = blocks.subspan(part);
  }
}

}  // namespace

void KvToIndex::stored(EndpointId endpoint, std::span<const std::uint64_t> blocks) {
  in_parts(blocks, [&](std::span<const std::uint64_t> part) {
    pool_->with_caches([&](route::RecordedScheduler& scheduler) { scheduler.cache_stored(endpoint, part); });
  });
}

void KvToIndex::evicted(EndpointId endpoint, std::span<const std::uint64_t> blocks) {
  in_parts(blocks, [&](std::span<const std::uint64_t> part) {
    pool_->with_caches([&](route::RecordedScheduler& scheduler) { scheduler.cache_evicted(endpoint, part); });
  });
}

void KvToIndex::follow(EndpointId endpoint, route::KvKnowledge knowledge) {
  const bool exact = knowledge == route::KvKnowledge::Exact;
  pool_->with_caches([&](route::RecordedScheduler& scheduler) {
    scheduler.cache_followed(endpoint, exact ? route::PrefixKnowledge::Exact : route::PrefixKnowledge::Estimated);
  });
}

void KvToIndex::cleared(EndpointId endpoint) {
  pool_->with_caches([&](route::RecordedScheduler& scheduler) { scheduler.cache_cleared(endpoint); });
}

void KvToIndex::capacity(EndpointId endpoint, std::uint64_t tokens) {
  pool_->with_caches(
      [&](route::RecordedScheduler& scheduler) { scheduler.cache_capacity(endpoint, static_cast<double>(tokens) / block_tokens_); });
}

}  // namespace evener::gateway
