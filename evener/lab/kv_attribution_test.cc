// What route/kv_map learns of texts from an engine's events, held against what the engine's cache really has: conversations with common system
// prompts, many at a time, in a cache that is too small for them. Words differ in length, so our blocks of bytes are no fixed number of tokens.

#include <doctest/doctest.h>

#include <algorithm>
#include <map>
#include <set>
#include <vector>

#include "evener/core/hashing.h"
#include "evener/core/rng.h"
#include "evener/lab/engine_model.h"
#include "evener/route/kv_map.h"

using namespace evener;
using namespace evener::lab;
using namespace std::chrono_literals;

namespace {

constexpr std::uint32_t EngineBlock = 16;
constexpr std::uint32_t OurBytes = 1024;

struct Held : route::KvListener {
  std::set<std::uint64_t> blocks;
  void stored(EndpointId, std::span<const std::uint64_t> some) override { blocks.insert(some.begin(), some.end()); }
  void evicted(EndpointId, std::span<const std::uint64_t> some) override {
    for (const std::uint64_t block : some) blocks.erase(block);
  }
  void follow(EndpointId, route::KvKnowledge) override {}
  void cleared(EndpointId) override { blocks.clear(); }
  void capacity(EndpointId, std::uint64_t) override {}
};

struct Cache : KvObserver {
  std::set<std::uint64_t> blocks;
  std::vector<std::pair<bool, std::uint64_t>> events;  // stored or evicted
  void stored(std::uint64_t hash) override {
    blocks.insert(hash);
    events.emplace_back(true, hash);
  }
  void evicted(std::uint64_t hash) override {
    blocks.erase(hash);
    events.emplace_back(false, hash);
  }
};

/// A text as tokens with their bytes.
struct Text {
  std::vector<std::uint32_t> ids, bytes;
  void add(Rng& rng, std::uint64_t tokens) {
    // Prose, code and numbers differ in how long their tokens are.
    const std::uint64_t shortest = 1 + rng.below(4);
    for (; tokens > 0; --tokens) {
      ids.push_back(static_cast<std::uint32_t>(rng.below(100'000)));
      bytes.push_back(static_cast<std::uint32_t>(shortest + rng.below(4)));
    }
  }
};

struct Prompt {
  std::vector<std::uint64_t> engine, ours;
  std::vector<std::uint32_t> our_ends;  // in tokens
  std::uint32_t tokens = 0, bytes = 0;
};

Prompt prompt_of(const Text& text) {
  Prompt prompt;
  prompt.tokens = static_cast<std::uint32_t>(text.ids.size());
  std::uint64_t engine = 1, ours = 2;
  for (std::uint32_t i = 0; i < prompt.tokens; ++i) {
    engine = hash_combine(engine, text.ids[i]);
    if ((i + 1) % EngineBlock == 0) prompt.engine.push_back(engine);
    for (std::uint32_t byte = 0; byte < text.bytes[i]; ++byte) {
      ours = hash_combine(ours, text.ids[i] * 16 + byte);
      if (++prompt.bytes % OurBytes != 0) continue;
      prompt.ours.push_back(ours);
      prompt.our_ends.push_back(i + 1);
    }
  }
  return prompt;
}

struct Result {
  std::uint64_t claimed = 0, true_blocks = 0, both = 0, prompts = 0;
  route::KvMapStatus status;
};

Result run(std::uint64_t seed, std::uint32_t kv_blocks, std::size_t conversations, Duration between) {
  Rng rng(seed);
  EngineModel engine({.batch_tokens_max = 2048, .kv_blocks = kv_blocks, .kv_block_tokens = EngineBlock});
  Cache cache;
  engine.observe_kv(&cache);
  Held held;
  route::KvMap map(EndpointId{1}, held, {});
  map.began();

  std::vector<Text> systems(3), open(conversations);
  for (Text& system : systems) system.add(rng, 300 + rng.below(900));
  for (Text& one : open) one = systems[rng.below(systems.size())];
  std::vector<bool> busy(conversations);
  struct Running {
    Prompt prompt;
    std::size_t who = 0;
    std::uint32_t output = 0, cached = 0;
  };
  std::map<SequenceId, Running> running;
  std::map<std::uint64_t, std::uint64_t> parents;  // engine block -> the one before; 0 = none
  Result result;
  Instant now{1s}, next_arrival{1s};
  SequenceId last = 0;
  const SequenceId requests = 1500;
  while (last < requests || !engine.idle()) {
    for (; last < requests && next_arrival <= now;
         next_arrival += Duration(static_cast<std::int64_t>(rng.uniform() * 2 * static_cast<double>(between.count())))) {
      // Nobody goes on before the answer has come.
      std::size_t who = rng.below(open.size());
      for (std::size_t tries = 0; busy[who] && tries < open.size(); ++tries) who = (who + 1) % open.size();
      if (busy[who]) break;
      busy[who] = true;
      Text& text = open[who];
      if (text.ids.size() > 8000) text = systems[rng.below(systems.size())];
      text.add(rng, 20 + rng.below(600));
      Running one{.prompt = prompt_of(text), .who = who, .output = static_cast<std::uint32_t>(1 + rng.below(200))};
      for (std::size_t i = 0; i < one.prompt.engine.size(); ++i) parents[one.prompt.engine[i]] = i == 0 ? 0 : one.prompt.engine[i - 1];
      // What a router would believe of this prompt now, and what is so.
      std::size_t claimed = 0, there = 0, present = 0;
      while (present < one.prompt.engine.size() && cache.blocks.contains(one.prompt.engine[present])) ++present;
      while (claimed < one.prompt.ours.size() && held.blocks.contains(one.prompt.ours[claimed])) ++claimed;
      while (there < one.prompt.ours.size() && one.prompt.our_ends[there] <= present * EngineBlock) ++there;
      if (last > requests / 5) {
        result.claimed += claimed;
        result.true_blocks += there;
        result.both += std::min(claimed, there);
        ++result.prompts;
      }
      const std::uint32_t estimate = one.prompt.bytes / 4;
      map.dispatched({.id = ++last, .salt = 1, .blocks = one.prompt.ours, .prompt_tokens = estimate, .block_tokens = OurBytes / 4}, now);
      REQUIRE(
          engine.submit({.id = last, .prompt_tokens = one.prompt.tokens, .output_tokens = one.output, .block_hashes = one.prompt.engine}) ==
          Submitted::Queued);
      running.emplace(last, std::move(one));
    }
    if (engine.idle()) {
      now = std::max(now, next_arrival);
      continue;
    }
    const StepOutcome& outcome = engine.step();
    now += outcome.duration;
    for (const auto& [is_stored, hash] : cache.events) {
      const std::vector<std::uint64_t> block = {hash};
      if (!is_stored) {
        map.removed(block, 0);
        continue;
      }
      route::KvTree::Stored stored{.blocks = block, .parent = {}, .tokens = {}, .block_tokens = EngineBlock};
      if (parents[hash] != 0) stored.parent = parents[hash];
      map.stored(stored, 0, now);
    }
    cache.events.clear();
    map.tick(now);
    for (const Emission& emission : outcome.emissions) {
      const auto found = running.find(emission.id);
      if (emission.first) found->second.cached = emission.cached_tokens;
      if (!emission.finished) continue;
      map.ended(
          emission.id,
          route::KvUsage{
              .prompt_tokens = found->second.prompt.tokens, .output_tokens = found->second.output, .cached_tokens = found->second.cached},
          now);
      busy[found->second.who] = false;
      running.erase(found);
    }
  }
  result.status = map.status();
  return result;
}

double share(std::uint64_t part, std::uint64_t whole) { return static_cast<double>(part) / static_cast<double>(whole); }

}  // namespace

TEST_CASE("kv map on an engine: conversations in a cache that is too small are followed nearly exactly") {
  const Result result = run(1, 4000, 40, 120ms);
  const double attributed = share(result.status.attributed, result.status.attributed + result.status.unattributed);
  CAPTURE(attributed);
  CAPTURE(result.claimed);
  CAPTURE(result.true_blocks);
  CAPTURE(result.both);
  CHECK(result.prompts > 1000);
  CHECK(result.status.removed_blocks > 4000);  // the cache was turned over
  CHECK(attributed > 0.85);
  CHECK(share(result.both, result.claimed) > 0.99);     // what is claimed is there
  CHECK(share(result.both, result.true_blocks) > 0.8);  // what is there is claimed
}

TEST_CASE("kv map on an engine: overloaded by far, less is claimed and left to the estimate, and what is claimed is still there") {
  const Result result = run(2, 12'000, 200, 30ms);
  CAPTURE(result.status.attributed);
  CAPTURE(result.status.unattributed);
  CAPTURE(result.claimed);
  CAPTURE(result.true_blocks);
  CAPTURE(result.both);
  CHECK(result.status.removed_blocks > 4000);
  CHECK(share(result.both, result.claimed) > 0.99);
  CHECK(share(result.both, result.true_blocks) > 0.5);
  CHECK(result.status.knowledge == route::KvKnowledge::Partial);
}
