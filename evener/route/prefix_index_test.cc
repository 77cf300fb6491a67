#include "evener/route/prefix_index.h"

#include <doctest/doctest.h>

#include <cstdint>
#include <span>
#include <vector>

#include "evener/core/rng.h"

using namespace evener;
using namespace evener::route;

namespace {

using Blocks = std::vector<std::uint64_t>;

constexpr EndpointId A{1}, B{2};

/// The chain of a prompt: equal beginnings give equal hashes.
Blocks chain(std::vector<std::uint64_t> content) {
  std::uint64_t hash = 7;
  for (std::uint64_t& block : content) block = hash = splitmix64(hash ^ block);
  return content;
}

/// A prompt that shares nothing with those of other numbers.
Blocks prompt(std::uint64_t number, std::size_t blocks) {
  Blocks content(blocks, number);
  return chain(content);
}

Blocks part(const Blocks& blocks, std::size_t first, std::size_t count) {
  const auto part = std::span(blocks).subspan(first, count);
  return {part.begin(), part.end()};
}

std::uint32_t held(const PrefixIndex& index, EndpointId endpoint, const Blocks& blocks) {
  std::vector<std::uint32_t> leading;
  index.lookup(blocks, leading);
  const auto slot = index.slot(endpoint);
  return slot ? leading[*slot] : 0;
}

}  // namespace

TEST_CASE("an endpoint holds as many leading blocks as were sent to it") {
  PrefixIndex index;
  index.add(A);
  index.add(B);
  index.sent(A, chain({1, 2, 3, 4}), 1024, 256);
  index.sent(B, chain({1, 2, 9}), 768, 256);
  CHECK(held(index, A, chain({1, 2, 3, 4})) == 4);
  CHECK(held(index, B, chain({1, 2, 3, 4})) == 2);
  CHECK(held(index, A, chain({1, 2, 9, 10})) == 2);
  CHECK(held(index, A, chain({2, 1})) == 0);
  CHECK(held(index, A, {}) == 0);
}

TEST_CASE("the lookup returns the longest run") {
  PrefixIndex index;
  index.add(A);
  index.add(B);
  index.sent(A, chain({1, 2, 3}), 768, 256);
  index.sent(B, chain({1}), 256, 256);
  std::vector<std::uint32_t> leading;
  CHECK(index.lookup(chain({1, 2, 3, 4}), leading) == 3);
  CHECK(index.lookup(chain({5}), leading) == 0);
  CHECK(leading == std::vector<std::uint32_t>(leading.size(), 0));
}

TEST_CASE("sending predicts what the endpoint holds before") {
  PrefixIndex index;
  index.add(A);
  CHECK(index.sent(A, chain({1, 2}), 500, 256).tokens() == 0);
  CHECK(index.sent(A, chain({1, 2, 3}), 768, 256).tokens() == 512);
  CHECK(index.sent(A, chain({1, 2, 3}), 700, 256).tokens() == 700);  // its last block is not full
}

TEST_CASE("a removed endpoint is never reported, nor is what it held given to the one that takes its slot") {
  PrefixIndex index;
  const auto slot = index.add(A);
  index.sent(A, chain({1, 2}), 512, 256);
  index.remove(A);
  CHECK(held(index, A, chain({1, 2})) == 0);
  CHECK(index.add(B) == slot);
  CHECK(held(index, B, chain({1, 2})) == 0);
  index.sent(B, chain({1}), 256, 256);
  CHECK(held(index, B, chain({1, 2})) == 1);
}

TEST_CASE("events of an endpoint that is gone are ignored") {
  PrefixIndex index;
  index.add(A);
  const PrefixPrediction prediction = index.sent(A, chain({1}), 256, 256);
  index.remove(A);
  index.add(B);
  index.settled(A, prediction, {.prompt_tokens = 256, .output_tokens = 10, .cached_tokens = 0});
  index.withdrawn(A, chain({1}), prediction);
  index.stored(A, chain({1}));
  index.evicted(A, chain({1}));
  index.cleared(A);
  index.follow(A, PrefixKnowledge::Exact);
  index.capacity_reported(A, 100);
  CHECK(index.sent(A, chain({1}), 256, 256).blocks == 0);
  CHECK(held(index, B, chain({1})) == 0);
  CHECK(index.quality(A).requests == 0);
  CHECK(index.quality(B).requests == 0);
  CHECK(index.knowledge(B) == PrefixKnowledge::Estimated);
}

TEST_CASE("an endpoint forgets what is older than its cache is large") {
  PrefixIndex index({.capacity_blocks = 100});
  index.add(A);
  index.sent(A, prompt(1, 10), 2560, 256);
  index.sent(A, prompt(2, 90), 23040, 256);
  CHECK(held(index, A, prompt(1, 10)) == 10);
  index.sent(A, prompt(3, 4), 1024, 256);
  CHECK(held(index, A, prompt(1, 10)) == 6);  // the end of a prompt goes first
  index.sent(A, prompt(4, 6), 1536, 256);
  CHECK(held(index, A, prompt(1, 10)) == 0);
}

TEST_CASE("what is used again stays") {
  PrefixIndex index({.capacity_blocks = 100});
  index.add(A);
  for (std::uint64_t turn = 0; turn < 100; ++turn) {
    CHECK((turn == 0 || held(index, A, prompt(1, 10)) == 10));
    index.sent(A, prompt(1, 10), 2560, 256);
    index.sent(A, prompt(100 + turn, 50), 12800, 256);
  }
}

TEST_CASE("answers take room in the cache, too") {
  PrefixIndex index({.capacity_blocks = 100});
  index.add(A);
  const PrefixPrediction prediction = index.sent(A, prompt(1, 10), 2560, 256);
  index.settled(A, prediction, {.prompt_tokens = 2560, .output_tokens = 95 * 256});
  CHECK(held(index, A, prompt(1, 10)) == 5);
  CHECK(index.quality(A).requests == 0);
}

TEST_CASE("tokens of an answer are counted in blocks as long as the engine's count of the prompt says") {
  PrefixIndex index({.capacity_blocks = 100});
  index.add(A);
  const PrefixPrediction prediction = index.sent(A, prompt(1, 10), 2560, 256);
  index.settled(A, prediction, {.prompt_tokens = 1280, .output_tokens = 95 * 128});
  CHECK(held(index, A, prompt(1, 10)) == 5);
}

TEST_CASE("a prompt that was not taken after all is not held, but what was there before is") {
  PrefixIndex index;
  index.add(A);
  index.sent(A, chain({1, 2}), 512, 256);
  const PrefixPrediction prediction = index.sent(A, chain({1, 2, 3, 4}), 1024, 256);
  index.withdrawn(A, chain({1, 2, 3, 4}), prediction);
  CHECK(held(index, A, chain({1, 2, 3, 4})) == 2);
}

TEST_CASE("an endpoint that lost its cache holds nothing until something is sent again") {
  PrefixIndex index;
  index.add(A);
  index.add(B);
  index.sent(A, chain({1, 2}), 512, 256);
  index.sent(B, chain({1, 2}), 512, 256);
  index.cleared(A);
  CHECK(held(index, A, chain({1, 2})) == 0);
  CHECK(held(index, B, chain({1, 2})) == 2);
  index.sent(A, chain({1, 2}), 512, 256);
  CHECK(held(index, A, chain({1, 2})) == 2);
}

TEST_CASE("the runs are right when few, some dozen and very many endpoints hold a block") {
  for (const std::uint32_t endpoints : {1u, 4u, 5u, 31u, 32u, 33u, 63u, 64u, 65u, 200u, 4096u}) {
    CAPTURE(endpoints);
    PrefixIndex index;
    for (std::uint32_t id = 0; id < endpoints; ++id) REQUIRE(index.add(EndpointId{id}));
    // Endpoint n holds 1 + n % 7 blocks; the stale ones held more before they forgot all.
    const Blocks blocks = prompt(1, 8);
    for (std::uint32_t id = 0; id < endpoints; ++id) index.sent(EndpointId{id}, blocks, 2048, 256);
    for (std::uint32_t id = 0; id < endpoints; ++id)
      if (id % 3 != 0) index.cleared(EndpointId{id});
    for (std::uint32_t id = 0; id < endpoints; ++id)
      if (id % 3 == 1) index.sent(EndpointId{id}, std::span(blocks).first(1 + id % 7), 2048, 256);
    std::vector<std::uint32_t> leading;
    index.lookup(blocks, leading);
    for (std::uint32_t id = 0; id < endpoints; ++id) {
      CAPTURE(id);
      REQUIRE(leading[*index.slot(EndpointId{id})] == (id % 3 == 0 ? 8 : id % 3 == 1 ? 1 + id % 7 : 0));
    }
  }
}

TEST_CASE("an endpoint that misses a block in the middle holds nothing behind it, however many others hold it") {
  for (const std::uint32_t endpoints : {2u, 20u, 300u}) {
    CAPTURE(endpoints);
    PrefixIndex index;
    for (std::uint32_t id = 0; id < endpoints; ++id) {
      index.add(EndpointId{id});
      index.follow(EndpointId{id}, PrefixKnowledge::Exact);
      index.stored(EndpointId{id}, prompt(1, 5));
    }
    index.evicted(EndpointId{0}, part(prompt(1, 5), 2, 1));
    CHECK(held(index, EndpointId{0}, prompt(1, 5)) == 2);
    CHECK(held(index, EndpointId{1}, prompt(1, 5)) == 5);
  }
}

TEST_CASE("in exact mode what the engine reported stays until it says otherwise") {
  PrefixIndex index({.capacity_blocks = 10});
  index.add(A);
  index.follow(A, PrefixKnowledge::Exact);
  index.stored(A, chain({1, 2, 3}));
  for (std::uint64_t i = 0; i < 100; ++i) index.sent(A, prompt(100 + i, 100), 25600, 256);
  CHECK(held(index, A, chain({1, 2, 3})) == 3);
  index.evicted(A, part(chain({1, 2, 3}), 1, 2));
  CHECK(held(index, A, chain({1, 2, 3})) == 1);
  index.cleared(A);
  CHECK(held(index, A, chain({1, 2, 3})) == 0);
  index.stored(A, chain({1, 2}));
  CHECK(held(index, A, chain({1, 2, 3})) == 2);
}

TEST_CASE("in exact mode sending again what the engine reported does not make it a guess") {
  PrefixIndex index;
  index.add(A);
  index.follow(A, PrefixKnowledge::Exact);
  index.stored(A, chain({1, 2}));
  index.sent(A, chain({1, 2}), 512, 256);
  index.sent(A, prompt(9, static_cast<std::size_t>(SpeculativeBlocks)), 256, 256);
  CHECK(held(index, A, chain({1, 2})) == 2);
}

TEST_CASE("in exact mode a sent prompt counts as held until much more was sent without a word from the engine") {
  PrefixIndex index;
  index.add(A);
  index.follow(A, PrefixKnowledge::Exact);
  index.sent(A, chain({1, 2}), 512, 256);
  CHECK(held(index, A, chain({1, 2})) == 2);
  index.stored(A, part(chain({1, 2}), 0, 1));
  const auto many = static_cast<std::size_t>(SpeculativeBlocks);
  index.sent(A, prompt(9, many), 256, 256);
  CHECK(held(index, A, chain({1, 2})) == 1);
}

TEST_CASE("exact mode begins with what the engine tells, not with the estimate") {
  PrefixIndex index;
  index.add(A);
  index.sent(A, chain({1}), 256, 256);
  index.follow(A, PrefixKnowledge::Exact);
  CHECK(held(index, A, chain({1})) == 0);
  index.stored(A, chain({1}));
  index.follow(A, PrefixKnowledge::Exact);  // again, which changes nothing
  CHECK(held(index, A, chain({1})) == 1);
}

TEST_CASE("when the events end, what they told ages from there") {
  PrefixIndex index({.capacity_blocks = 100});
  index.add(A);
  index.follow(A, PrefixKnowledge::Exact);
  index.stored(A, chain({1, 2}));
  index.follow(A, PrefixKnowledge::Estimated);
  index.sent(A, prompt(5, 99), 25344, 256);
  CHECK(held(index, A, chain({1, 2})) == 2);
  index.sent(A, prompt(6, 1), 256, 256);
  CHECK(held(index, A, chain({1, 2})) == 0);
  CHECK(held(index, A, prompt(5, 99)) == 99);
}

TEST_CASE("hashes of any value are found, also zero") {
  PrefixIndex index;
  index.add(A);
  const Blocks odd{0, ~std::uint64_t{0}, std::uint64_t{1} << 63};
  index.sent(A, odd, 768, 256);
  CHECK(held(index, A, odd) == 3);
}
