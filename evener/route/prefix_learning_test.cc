// How well the estimate of a cache does beside a true LRU cache, and how it learns the size of one.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <optional>

#include "evener/route/prefix_index.h"
#include "evener/route/testing/engine_cache.h"
#include "tests/for_each_seed.h"

using namespace evener;
using namespace evener::route;

namespace {

constexpr EndpointId Engine{1};
constexpr std::uint32_t BlockTokens = 256;

struct Accuracy {
  std::uint64_t prompt = 0, predicted = 0, cached = 0, error = 0;  // blocks

  double error_share() const { return static_cast<double>(error) / static_cast<double>(prompt); }
  double cached_share() const { return static_cast<double>(cached) / static_cast<double>(prompt); }
};

/// Serves turns of conversations by an engine with a true LRU cache, which reports what it had.
Accuracy serve(PrefixIndex& index, EngineCache& engine, Conversations& conversations, int turns) {
  Accuracy sum;
  for (int turn = 0; turn < turns; ++turn) {
    const auto blocks = conversations.next();
    const auto tokens = static_cast<std::uint32_t>(blocks.size()) * BlockTokens;
    const PrefixPrediction prediction = index.sent(Engine, blocks, tokens, BlockTokens);
    const std::uint32_t cached = engine.run(blocks);
    index.settled(Engine, prediction, {.prompt_tokens = tokens, .cached_tokens = cached * BlockTokens});
    sum.prompt += blocks.size();
    sum.predicted += prediction.blocks;
    sum.cached += cached;
    sum.error += prediction.blocks > cached ? prediction.blocks - cached : cached - prediction.blocks;
  }
  return sum;
}

}  // namespace

TEST_CASE("the estimate with one clock is close to a true LRU cache of known size") {
  for (const std::size_t capacity : {500u, 1500u, 3000u}) {
    CAPTURE(capacity);
    PrefixIndex index({.capacity_blocks = static_cast<double>(capacity)});
    index.add(Engine);
    EngineCache engine(capacity);
    Conversations conversations(60, 8, 120, 1);
    serve(index, engine, conversations, 1000);
    const Accuracy accuracy = serve(index, engine, conversations, 3000);
    CHECK(accuracy.error_share() < 0.05);
    CHECK(accuracy.cached_share() > 0.1);
  }
}

TEST_CASE("an endpoint whose cache holds a tenth of what was thought is learned, and so is one that holds ten times as much") {
  for (const double thought : {200.0, 20000.0}) {
    CAPTURE(thought);
    PrefixIndex index({.capacity_blocks = thought});
    index.add(Engine);
    EngineCache engine(2000);
    Conversations conversations(60, 8, 120, 2);
    double worst = 0;  // of a hundred turns
    for (int hundred = 0; hundred < 20; ++hundred) worst = std::max(worst, serve(index, engine, conversations, 100).error_share());
    const Accuracy later = serve(index, engine, conversations, 2000);
    CHECK(index.capacity_blocks(Engine) > 1800);
    CHECK(index.capacity_blocks(Engine) < 2200);
    CHECK(later.error_share() < 0.03);
    CHECK(later.error_share() < 0.3 * worst);
  }
}

TEST_CASE("an engine that caches nothing is soon not predicted to") {
  PrefixIndex index;
  index.add(Engine);
  Conversations conversations(20, 8, 120, 3);
  EngineCache none(0);
  serve(index, none, conversations, 2000);
  const Accuracy later = serve(index, none, conversations, 500);
  CHECK(static_cast<double>(later.predicted) < 0.05 * static_cast<double>(later.prompt));
}

TEST_CASE("requests that follow at once, before the engine has computed the first, do not teach that its cache is small") {
  PrefixIndex index({.capacity_blocks = 2000});
  index.add(Engine);
  Rng rng(4);
  for (int burst = 0; burst < 200; ++burst) {
    const std::vector<std::uint64_t> blocks{rng.next(), rng.next(), rng.next(), rng.next(), rng.next(), rng.next()};
    for (int sibling = 0; sibling < 4; ++sibling) {
      const PrefixPrediction prediction = index.sent(Engine, blocks, 6 * BlockTokens, BlockTokens);
      index.settled(Engine, prediction, {.prompt_tokens = 6 * BlockTokens, .cached_tokens = 0});
    }
  }
  CHECK(index.capacity_blocks(Engine) == 2000);
}

TEST_CASE("an engine that was taken for one without a cache is believed at its first hit") {
  PrefixIndex index;
  index.add(Engine);
  Conversations conversations(20, 8, 120, 3);
  EngineCache none(0);
  serve(index, none, conversations, 300);
  CHECK(serve(index, none, conversations, 1).predicted == 0);
  EngineCache ample(100'000);
  serve(index, ample, conversations, 600);  // until those have ended of which only we know the beginning
  CHECK(serve(index, ample, conversations, 300).error_share() < 0.05);
}

TEST_CASE("tokens that were estimated wrong by a constant factor do not look like misses") {
  PrefixIndex index({.capacity_blocks = 1500});
  index.add(Engine);
  EngineCache engine(1500);
  Conversations conversations(60, 8, 120, 5);
  for (int turn = 0; turn < 3000; ++turn) {
    const auto blocks = conversations.next();
    const auto count = static_cast<std::uint32_t>(blocks.size());
    const PrefixPrediction prediction = index.sent(Engine, blocks, count * BlockTokens, BlockTokens);
    const std::uint32_t cached = engine.run(blocks);
    index.settled(Engine, prediction, {.prompt_tokens = count * 150, .cached_tokens = cached * 150});
  }
  CHECK(index.capacity_blocks(Engine) > 1000);
  CHECK(index.capacity_blocks(Engine) < 2200);
}

TEST_CASE("the capacity that an endpoint reports counts when it is news, and does not undo what was learned") {
  PrefixIndex index({.capacity_blocks = 10000});
  index.add(Engine);
  index.capacity_reported(Engine, 5000);
  CHECK(index.capacity_blocks(Engine) == 5000);
  EngineCache engine(1000);
  Conversations conversations(60, 8, 120, 6);
  for (int turn = 0; turn < 100; ++turn) {
    serve(index, engine, conversations, 10);
    index.capacity_reported(Engine, 5010);
  }
  CHECK(index.capacity_blocks(Engine) < 2000);
  index.capacity_reported(Engine, 8000);  // started anew with another setting
  CHECK(index.capacity_blocks(Engine) == 8000);
  for (const double nonsense : {0.0, -5.0, std::nan("")}) index.capacity_reported(Engine, nonsense);
  CHECK(index.capacity_blocks(Engine) == 8000);
}

TEST_CASE("the quality of the prediction is kept per endpoint") {
  PrefixIndex index;
  index.add(Engine);
  const std::vector<std::uint64_t> blocks{11, 12, 13, 14};
  index.settled(Engine, index.sent(Engine, blocks, 1024, 256), {.prompt_tokens = 1024, .cached_tokens = 0});
  index.settled(Engine, index.sent(Engine, blocks, 1024, 256), {.prompt_tokens = 1024, .cached_tokens = 1000});
  index.settled(Engine, index.sent(Engine, blocks, 1024, 256), {.prompt_tokens = 1024, .cached_tokens = std::nullopt});
  const PrefixQuality quality = index.quality(Engine);
  CHECK(quality.requests == 2);
  CHECK(quality.predicted_tokens == 1024);
  CHECK(quality.cached_tokens == 1000);
  CHECK(quality.error_tokens == 24);
}

TEST_CASE("nothing that an engine reports breaks the capacity") {
  for_each_seed(50, [](Rng& rng) {
    PrefixIndex index({.capacity_blocks = rng.below(2) == 0 ? 1.0 : 1e12});
    index.add(Engine);
    Conversations conversations(5, 2, 40, rng.next());
    for (int turn = 0; turn < 200; ++turn) {
      const auto blocks = conversations.next();
      const auto any = [&] { return static_cast<std::uint32_t>(rng.next() >> (32 + rng.below(32))); };
      const PrefixPrediction prediction = index.sent(Engine, blocks, any(), any());
      index.settled(Engine, prediction, {.prompt_tokens = any(), .output_tokens = any(), .cached_tokens = any()});
      REQUIRE(index.capacity_blocks(Engine) >= CapacityBlocksMin);
      REQUIRE(index.capacity_blocks(Engine) <= CapacityBlocksMax);
    }
  });
}
