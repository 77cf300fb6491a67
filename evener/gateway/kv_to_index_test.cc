#include "evener/gateway/kv_to_index.h"

#include <doctest/doctest.h>

#include <numeric>
#include <vector>

#include "evener/net/reactor.h"

using namespace evener;
using namespace evener::gateway;

namespace {

constexpr EndpointId Holder{1}, Other{2};

std::vector<std::uint64_t> blocks_of(std::size_t count) {
  std::vector<std::uint64_t> blocks(count);
  std::iota(blocks.begin(), blocks.end(), 1'000'000);
  return blocks;
}

struct TwoEndpoints {
  std::shared_ptr<Pool> pool = std::make_shared<Pool>(PoolConfig{}, 1, PoolMetrics{});
  KvToIndex events{pool, 256};
  net::Reactor reactor;
  TwoEndpoints() {
    pool->with_scheduler(reactor.now(), [&](route::RecordedScheduler& scheduler) {
      scheduler.put_endpoint(Holder, {}, reactor.now());
      scheduler.put_endpoint(Other, {}, reactor.now());
    });
  }
  [[nodiscard]] std::uint32_t expected_at(EndpointId endpoint, std::span<const std::uint64_t> blocks) {
    std::uint32_t leading = 0;
    pool->with_caches([&](route::RecordedScheduler& scheduler) {
      const route::PrefixIndex& index = scheduler.prefixes();
      std::vector<std::uint32_t> runs;
      (void)index.lookup(blocks, runs);
      leading = runs[*index.slot(endpoint)];
    });
    return leading;
  }
};

}  // namespace

TEST_CASE("what an engine says that it stored is expected there, however much it is, until it says that it is gone") {
  TwoEndpoints two;
  const auto blocks = blocks_of(3 * KvToIndex::BlocksAtOnce + 5);
  two.events.follow(Holder, route::KvKnowledge::Exact);
  CHECK(two.expected_at(Holder, blocks) == 0);
  two.events.stored(Holder, blocks);
  CHECK(two.expected_at(Holder, blocks) == blocks.size());
  CHECK(two.expected_at(Other, blocks) == 0);
  two.events.evicted(Holder, std::span(blocks).subspan(10));
  CHECK(two.expected_at(Holder, blocks) == 10);
  two.events.cleared(Holder);
  CHECK(two.expected_at(Holder, blocks) == 0);
}

TEST_CASE("requests go where the events say that their prompt is") {
  TwoEndpoints two;
  const auto blocks = blocks_of(20);
  two.events.follow(Holder, route::KvKnowledge::Exact);
  two.events.stored(Holder, blocks);
  const route::RequestView request{.prompt_tokens = 20 * 256, .output_tokens = 1, .blocks = blocks, .block_tokens = 256};
  Waiter waiter(two.reactor);
  for (int i = 0; i < 20; ++i) {
    const auto decided = two.pool->arrived("r", "m", request, waiter, two.reactor.now());
    const auto& dispatch = std::get<route::Dispatch>(decided.decision);
    CHECK(dispatch.endpoint == Holder);
    CHECK(cached_expected(dispatch.share) == 20 * 256);
    two.pool->finished(Holder, {.share = dispatch.share}, route::Scheduler::Attempt::First, decided.number, two.reactor.now());
  }
}

TEST_CASE("a capacity in tokens is told in our blocks, while the cache is estimated") {
  TwoEndpoints two;
  two.events.capacity(Holder, 256'000);
  two.pool->with_caches(
      [&](route::RecordedScheduler& scheduler) { CHECK(scheduler.prefixes().capacity_blocks(Holder) == doctest::Approx(1000)); });
}
