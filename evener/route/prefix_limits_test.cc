// What the index does at each of its limits.
#include <doctest/doctest.h>

#include <algorithm>
#include <cstdint>
#include <vector>

#include "evener/core/rng.h"
#include "evener/route/prefix_index.h"

using namespace evener;
using namespace evener::route;

namespace {

constexpr EndpointId A{1};

std::vector<std::uint64_t> prompt(Rng& rng, std::size_t blocks) {
  std::vector<std::uint64_t> hashes(blocks);
  for (std::uint64_t& hash : hashes) hash = rng.next();
  return hashes;
}

std::uint32_t longest(const PrefixIndex& index, const std::vector<std::uint64_t>& blocks) {
  std::vector<std::uint32_t> leading;
  return index.lookup(blocks, leading);
}

}  // namespace

TEST_CASE("ten million blocks take at most a gibibyte, whatever their hashes and the number of endpoints") {
  const PrefixIndex index;
  CHECK(index.blocks_max() == 10'000'000);
  CHECK(index.bytes_max() <= std::size_t{1} << 30);
  CHECK(index.bytes() < 300'000);  // nothing is taken before it is needed
}

TEST_CASE("a block takes at most 90 bytes at any time of growing, so that ten million stay below their bound without dropping any") {
  PrefixIndex index({.capacity_blocks = 1e6});
  index.add(A);
  Rng rng(1);
  double worst = 0;
  while (index.blocks() < 250'000) {
    index.sent(A, prompt(rng, 64), 64 * 256, 256);
    if (index.blocks() > 50'000) worst = std::max(worst, static_cast<double>(index.bytes()) / static_cast<double>(index.blocks()));
  }
  CHECK(index.blocks() == 250'048);
  CHECK(index.blocks_dropped() == 0);
  CHECK(worst < 90);
}

TEST_CASE("the number of blocks is bounded, and the ones that were used last stay") {
  PrefixIndex index({.blocks_max = 5000, .capacity_blocks = 1e6});
  index.add(A);
  Rng rng(2);
  const auto kept = prompt(rng, 20);
  for (int step = 0; step < 2000; ++step) {
    index.sent(A, prompt(rng, 20), 5120, 256);
    index.sent(A, kept, 5120, 256);
    REQUIRE(index.blocks() <= 5000);
    if (step < 100) continue;
    REQUIRE(longest(index, kept) == 20);
  }
  CHECK(index.blocks() == 5000);
  CHECK(index.blocks_dropped() > 0);
}

TEST_CASE("what nobody holds any more gives its place first") {
  PrefixIndex index({.blocks_max = 5000, .capacity_blocks = 1e6});
  index.add(A);
  Rng rng(3);
  for (int step = 0; step < 100; ++step) index.sent(A, prompt(rng, 40), 10240, 256);
  const auto lost = index.blocks_dropped();
  index.cleared(A);
  std::vector<std::vector<std::uint64_t>> since;
  for (int step = 0; step < 50; ++step) {
    since.push_back(prompt(rng, 40));
    index.sent(A, since.back(), 10240, 256);
  }
  CHECK(index.blocks_dropped() == lost);
  for (const auto& blocks : since) CHECK(longest(index, blocks) == 40);
}

TEST_CASE("an index for one block works") {
  PrefixIndex index({.blocks_max = 1});
  index.add(A);
  Rng rng(4);
  for (int step = 0; step < 50; ++step) {
    const auto blocks = prompt(rng, 1);
    index.sent(A, blocks, 256, 256);
    CHECK(longest(index, blocks) == 1);
    CHECK(index.blocks() == 1);
  }
}

TEST_CASE("more endpoints than slots are refused and never hold anything") {
  PrefixIndex index;
  for (std::uint32_t id = 0; id < PrefixSlotsMax; ++id) REQUIRE(index.add(EndpointId{id}));
  const EndpointId extra{100'000};
  CHECK_FALSE(index.add(extra));
  const std::vector<std::uint64_t> blocks{1, 2};
  CHECK(index.sent(extra, blocks, 512, 256).blocks == 0);
  CHECK(longest(index, blocks) == 0);
  index.remove(EndpointId{17});
  CHECK(index.add(extra) == PrefixSlot{17});
}

TEST_CASE("of a prompt that is too long only the first blocks are looked at") {
  PrefixIndex index({.capacity_blocks = 1e6});
  index.add(A);
  Rng rng(5);
  const auto blocks = prompt(rng, PromptBlocksMax + 100);
  index.sent(A, blocks, 1000, 256);
  CHECK(index.blocks() == PromptBlocksMax);
  CHECK(longest(index, blocks) == PromptBlocksMax);
}

TEST_CASE("room for blocks that many endpoints hold is bounded, and the endpoint that used one last is among its holders") {
  constexpr std::size_t Bytes = 400'000;
  PrefixIndex index({.wide_bytes_max = Bytes, .capacity_blocks = 1e6});
  for (std::uint32_t id = 0; id < 500; ++id) index.add(EndpointId{id});
  Rng rng(6);
  std::size_t narrow = 0;
  for (int step = 0; step < 100; ++step) {
    const auto blocks = prompt(rng, 40);
    index.sent(EndpointId{0}, blocks, 10240, 256);
    narrow = index.bytes();
    for (std::uint32_t id = 0; id < 500; id += 7) {
      index.sent(EndpointId{id}, blocks, 10240, 256);
      std::vector<std::uint32_t> leading;
      index.lookup(blocks, leading);
      REQUIRE(leading[*index.slot(EndpointId{id})] == 40);
    }
  }
  CHECK(narrow > Bytes / 2);
  CHECK(index.bytes() <= index.bytes_max());
  CHECK(index.bytes() < Bytes / 16 * 17 + 800'000);  // the entries themselves are 4,000
}

TEST_CASE("what many endpoints held and lost gives its room back") {
  PrefixIndex index({.capacity_blocks = 1e6});
  for (std::uint32_t id = 0; id < 100; ++id) index.add(EndpointId{id});
  Rng rng(7);
  std::size_t after_ten = 0;
  for (int round = 0; round < 60; ++round) {
    const auto blocks = prompt(rng, 20);
    const std::uint32_t holders = round % 2 == 0 ? 100 : 10;
    for (std::uint32_t id = 0; id < holders; ++id) index.sent(EndpointId{id}, blocks, 5120, 256);
    for (std::uint32_t id = 0; id < holders; ++id) index.cleared(EndpointId{id});
    // Enough for the sweep to go round.
    const auto lone = prompt(rng, 1);
    for (int step = 0; step < 1000; ++step) index.sent(EndpointId{0}, lone, 256, 256);
    index.cleared(EndpointId{0});
    if (round == 10) after_ten = index.bytes();
  }
  CHECK(index.bytes() == after_ten);
}

/// Hashes with these upper bits after the table has mixed them: (x ^ x >> 32) * constant is undone here.
std::vector<std::uint64_t> colliding(std::uint64_t upper_28, std::size_t count) {
  std::uint64_t inverse = 0x9e3779b97f4a7c15ULL;
  for (int i = 0; i < 6; ++i) inverse *= 2 - 0x9e3779b97f4a7c15ULL * inverse;
  std::vector<std::uint64_t> blocks;
  for (std::uint64_t i = 0; i < count; ++i) {
    const std::uint64_t folded = (upper_28 << 36 | i) * inverse;
    blocks.push_back(folded ^ (folded >> 32));
  }
  return blocks;
}

TEST_CASE("hashes that were made to collide cost entries, not memory") {
  PrefixIndex index({.blocks_max = 50'000, .capacity_blocks = 1e6});
  index.add(A);
  const auto one_place = colliding(0x1234567, 10'000);
  for (std::size_t i = 0; i < one_place.size(); i += 100) index.sent(A, std::span(one_place).subspan(i, 100), 25600, 256);
  CHECK(index.blocks() < 2000);
  CHECK(index.blocks_dropped() > 0);
  CHECK(longest(index, {one_place.end() - 100, one_place.end()}) > 0);

  // Many places that are full, with empty ones between them.
  for (std::uint64_t place = 0; place < 60; ++place) {
    const auto blocks = colliding(place * 0x444444, 1000);
    for (std::size_t i = 0; i < blocks.size(); i += 100) index.sent(A, std::span(blocks).subspan(i, 100), 25600, 256);
  }
  CHECK(index.blocks() <= 50'000);
  CHECK(index.bytes() <= index.bytes_max());
  // As many segments as 50,000 well spread blocks may take, and the largest directory.
  CHECK(index.bytes() < 152 * 32'900 + (1 << 18) * 8 + 150'000);
}
