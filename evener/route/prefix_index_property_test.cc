// What the index says beside a model that is too simple to be wrong: a set of blocks per endpoint. Caches and the table are ample here, so
// that the estimate has to be exact; prefix_learning_test.cc is about caches that are not.
#include <doctest/doctest.h>

#include <array>
#include <cstdint>
#include <map>
#include <set>
#include <span>
#include <vector>

#include "evener/route/prefix_index.h"
#include "tests/for_each_seed.h"

using namespace evener;
using namespace evener::route;

namespace {

constexpr std::uint32_t Ids = 90;  // more than a list holds, and more than one word of bits

/// Prompts that branch off from each other, many of them with a common beginning.
std::vector<std::vector<std::uint64_t>> branching_prompts(Rng& rng, std::size_t count) {
  std::vector<std::vector<std::uint64_t>> prompts;
  for (std::size_t i = 0; i < count; ++i) {
    std::vector<std::uint64_t> blocks;
    if (!prompts.empty()) {
      const auto& from = prompts[rng.below(std::min<std::size_t>(prompts.size(), 4) + rng.below(prompts.size()) / 4) % prompts.size()];
      blocks.assign(from.begin(), from.begin() + static_cast<std::ptrdiff_t>(rng.below(from.size() + 1)));
    }
    for (std::uint64_t fresh = 1 + rng.below(6); fresh > 0; --fresh) blocks.push_back(rng.next());
    prompts.push_back(std::move(blocks));
  }
  return prompts;
}

struct Model {
  std::map<EndpointId, std::set<std::uint64_t>> held;

  std::uint32_t leading(EndpointId endpoint, std::span<const std::uint64_t> blocks) const {
    const auto& set = held.at(endpoint);
    std::uint32_t run = 0;
    while (run < blocks.size() && set.contains(blocks[run])) ++run;
    return run;
  }
};

void check_same(const PrefixIndex& index, const Model& model, std::span<const std::uint64_t> blocks) {
  std::vector<std::uint32_t> leading;
  const std::uint32_t longest = index.lookup(blocks, leading);
  std::uint32_t expected_longest = 0;
  std::vector<std::uint32_t> expected(leading.size(), 0);  // slots without an endpoint hold nothing
  for (const auto& [endpoint, set] : model.held) {
    const auto slot = index.slot(endpoint);
    REQUIRE(slot);
    expected[*slot] = model.leading(endpoint, blocks);
    expected_longest = std::max(expected_longest, expected[*slot]);
  }
  REQUIRE(leading == expected);
  REQUIRE(longest == expected_longest);
}

}  // namespace

TEST_CASE("with ample caches the index knows exactly who holds what, while endpoints come, go, restart and report events") {
  for_each_seed(30, [](Rng& rng) {
    PrefixIndex index;
    Model model;
    std::set<EndpointId> exact;
    const auto prompts = branching_prompts(rng, 60);
    const bool crowded = rng.below(2) == 0;
    for (int step = 0; step < 600; ++step) {
      const EndpointId endpoint{static_cast<std::uint32_t>(rng.below(crowded ? Ids : 6))};
      const auto& blocks = prompts[rng.below(prompts.size())];
      if (!model.held.contains(endpoint)) {
        REQUIRE(index.add(endpoint));
        model.held[endpoint] = {};
        continue;
      }
      auto& held = model.held[endpoint];
      const std::uint64_t what = rng.below(100);
      if (what < 70) {
        const PrefixPrediction prediction = index.sent(endpoint, blocks, 256 * static_cast<std::uint32_t>(blocks.size()), 256);
        REQUIRE(prediction.blocks == model.leading(endpoint, blocks));
        held.insert(blocks.begin(), blocks.end());
        if (rng.below(2) == 0) index.settled(endpoint, prediction, {.output_tokens = 100, .cached_tokens = prediction.tokens()});
      } else if (what < 74) {
        index.remove(endpoint);
        model.held.erase(endpoint);
        exact.erase(endpoint);
      } else if (what < 77) {
        index.cleared(endpoint);
        held.clear();
      } else if (what < 80 && !exact.contains(endpoint)) {
        index.follow(endpoint, PrefixKnowledge::Exact);
        exact.insert(endpoint);
        held.clear();
      } else if (what < 81) {
        index.follow(endpoint, PrefixKnowledge::Estimated);  // keeps what it knew
        exact.erase(endpoint);
      } else if (what < 88 && exact.contains(endpoint)) {
        index.stored(endpoint, blocks);
        held.insert(blocks.begin(), blocks.end());
      } else if (what < 94 && exact.contains(endpoint)) {
        const std::size_t from = rng.below(blocks.size());
        index.evicted(endpoint, std::span(blocks).subspan(from));
        for (std::size_t i = from; i < blocks.size(); ++i) held.erase(blocks[i]);
      }
      check_same(index, model, prompts[rng.below(prompts.size())]);
    }
    for (const auto& blocks : prompts) check_same(index, model, blocks);
  });
}

TEST_CASE("when all endpoints are gone and others were served, nothing is left of what they held") {
  for_each_seed(5, [](Rng& rng) {
    PrefixIndex index({.capacity_blocks = 64});
    for (std::uint32_t id = 0; id < Ids; ++id) index.add(EndpointId{id});
    const auto prompts = branching_prompts(rng, 40);
    for (int step = 0; step < 400; ++step) {
      const auto& blocks = prompts[rng.below(prompts.size())];
      index.sent(EndpointId{static_cast<std::uint32_t>(rng.below(Ids))}, blocks, 1000, 256);
    }
    for (std::uint32_t id = 0; id < Ids; ++id) index.remove(EndpointId{id});
    std::vector<std::uint32_t> leading;
    for (const auto& blocks : prompts) CHECK(index.lookup(blocks, leading) == 0);

    // One that stays sends the same few blocks again and again, which lets the sweep go round.
    index.add(EndpointId{1000});
    const std::vector<std::uint64_t> lone{rng.next(), rng.next(), rng.next(), rng.next()};
    for (int step = 0; step < 2000; ++step) index.sent(EndpointId{1000}, lone, 1024, 256);
    CHECK(index.blocks() == lone.size());
  });
}

TEST_CASE("the same calls give the same answers") {
  for_each_seed(3, [](Rng& rng) {
    const auto prompts = branching_prompts(rng, 200);
    std::array<std::vector<std::uint32_t>, 2> seen;
    const std::uint64_t seed = rng.next();
    for (auto& answers : seen) {
      Rng same(seed);
      PrefixIndex index({.blocks_max = 150, .wide_bytes_max = 100'000, .capacity_blocks = 50});
      for (std::uint32_t id = 0; id < Ids; ++id) index.add(EndpointId{id});
      std::vector<std::uint32_t> leading;
      for (int step = 0; step < 2000; ++step) {
        const auto& blocks = prompts[same.below(prompts.size())];
        index.lookup(blocks, leading);
        answers.insert(answers.end(), leading.begin(), leading.begin() + 8);
        index.sent(EndpointId{static_cast<std::uint32_t>(same.below(Ids))}, blocks, 1000, 256);
      }
    }
    CHECK(seen[0] == seen[1]);
  });
}
