#include "evener/route/kv_map.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <map>
#include <set>
#include <string>

#include "evener/core/hashing.h"
#include "evener/core/rng.h"

using namespace evener;
using namespace evener::route;
using namespace std::chrono_literals;

namespace {

constexpr EndpointId Here{7};
constexpr std::uint32_t BlockTokens = 16;
constexpr std::uint64_t Gpu = 1, Host = 2;
using Hashes = std::vector<std::uint64_t>;

struct Heard : KvListener {
  std::set<std::uint64_t> held;
  std::vector<std::uint64_t> capacities;
  std::vector<KvKnowledge> knowledge;
  int cleared_times = 0;

  void stored(EndpointId endpoint, std::span<const std::uint64_t> blocks) override {
    CHECK(endpoint == Here);
    held.insert(blocks.begin(), blocks.end());
  }
  void evicted(EndpointId, std::span<const std::uint64_t> blocks) override {
    for (const std::uint64_t block : blocks) CHECK(held.erase(block) == 1);
  }
  void follow(EndpointId, KvKnowledge is) override { knowledge.push_back(is); }
  void cleared(EndpointId) override {
    ++cleared_times;
    held.clear();
  }
  void capacity(EndpointId, std::uint64_t tokens) override { capacities.push_back(tokens); }
};

/// Our chain over token ids, for tests.
std::uint64_t chain(std::uint64_t before, std::span<const std::uint32_t> ids) {
  for (const std::uint32_t id : ids) before = hash_combine(before, id);
  return before;
}

/// A map and an engine that stores what prompts leave, with hashes of its own.
struct Story {
  explicit Story(KvMapSettings settings = {}) : map(Here, heard, settings) {}

  Heard heard;
  KvMap map;
  Instant now{1s};
  std::uint64_t last_id = 0;

  static std::uint64_t engine_hash(std::uint64_t prompt, std::uint32_t block) { return hash_combine(prompt * 1000 + 1, block); }

  /// Blocks [from, to) of a prompt; the first `shared` blocks are those of prompt 0.
  Hashes engine_blocks(std::uint64_t prompt, std::uint32_t from, std::uint32_t to, std::uint32_t shared = 0) {
    Hashes hashes;
    for (std::uint32_t i = from; i < to; ++i) hashes.push_back(engine_hash(i < shared ? 0 : prompt, i));
    return hashes;
  }
  void store(std::uint64_t prompt, std::uint32_t from, std::uint32_t to, std::uint32_t shared = 0, std::uint64_t place = Gpu) {
    const Hashes hashes = engine_blocks(prompt, from, to, shared);
    KvTree::Stored stored{.blocks = hashes, .parent = {}, .tokens = {}, .block_tokens = BlockTokens};
    if (from > 0) stored.parent = engine_blocks(prompt, from - 1, from, shared).front();
    map.stored(stored, place, now);
    map.tick(now);
  }
  void remove(std::uint64_t prompt, std::uint32_t from, std::uint32_t to, std::uint32_t shared = 0, std::uint64_t place = Gpu) {
    Hashes hashes = engine_blocks(prompt, from, to, shared);
    std::ranges::reverse(hashes);  // an engine frees the end first
    map.removed(hashes, place);
  }

  /// A text of so many of our blocks, 256 tokens each as far as anyone can guess.
  std::uint64_t send(const Hashes& blocks, std::uint64_t salt = 1) {
    now += 1ms;
    map.dispatched({.id = ++last_id,
                    .salt = salt,
                    .blocks = blocks,
                    .prompt_tokens = static_cast<std::uint32_t>(blocks.size()) * 256,
                    .block_tokens = 256},
                   now);
    return last_id;
  }
  void end(std::uint64_t id, std::uint32_t prompt, std::uint32_t output, std::optional<std::uint32_t> cached) {
    now += 1ms;
    map.ended(id, KvUsage{.prompt_tokens = prompt, .output_tokens = output, .cached_tokens = cached}, now);
  }
  void later(Duration time) {
    now += time;
    map.tick(now);
  }
  std::set<std::uint64_t> held() const { return heard.held; }
};

using Set = std::set<std::uint64_t>;

}  // namespace

TEST_CASE("kv map: the blocks of a lone text are known once it has ended, and told as gone when the engine evicts them") {
  Story s;
  const auto id = s.send({101, 102, 103, 104});
  s.store(1, 0, 64);
  CHECK(s.held().empty());
  s.end(id, 1024, 1, 0);
  CHECK(s.held() == Set{101, 102, 103, 104});
  CHECK(s.map.status().attributed == 1);

  s.remove(1, 63, 64);
  CHECK(s.held() == Set{101, 102, 103});
  s.remove(1, 32, 63);
  CHECK(s.held() == Set{101, 102});
  s.remove(1, 0, 32);
  CHECK(s.held().empty());
  CHECK(s.map.status().anchors == 0);
  CHECK(s.map.status().resident_blocks == 0);
}

TEST_CASE("kv map: the prompt's true length moves the ends of our blocks") {
  Story s;
  // Estimated at 1,024 tokens, in truth 2,048: each of our blocks is 512 tokens, which are 32 of the engine's.
  const auto id = s.send({101, 102, 103, 104});
  s.store(1, 0, 128);
  s.end(id, 2048, 1, 0);
  s.remove(1, 96, 128);
  CHECK(s.held() == Set{101, 102, 103});
  s.remove(1, 95, 96);
  CHECK(s.held() == Set{101, 102});
}

TEST_CASE("kv map: prompts that run at the same time are told apart by where they begin and end") {
  Story s;
  const auto first = s.send({101, 102}), second = s.send({201, 202, 203});
  s.store(1, 0, 10);  // chunks of both, in turn
  s.store(2, 0, 20);
  s.store(1, 10, 32);
  s.store(2, 20, 48);
  s.store(2, 48, 50);  // the second one's answer
  s.end(second, 768, 40, 0);
  CHECK(s.held() == Set{201, 202, 203});
  s.end(first, 512, 10, 0);
  CHECK(s.held() == Set{101, 102, 201, 202, 203});
}

TEST_CASE("kv map: two that cannot be told apart are not told apart") {
  Story s;
  const auto first = s.send({101, 102}), second = s.send({201, 202});
  s.store(1, 0, 32);
  s.store(2, 0, 32);
  s.end(first, 512, 1, 0);
  s.end(second, 512, 1, 0);
  s.later(KvMap::SettleMax + 1ms);
  CHECK(s.held().empty());
  CHECK(s.map.status().unattributed == 2);
  CHECK(s.map.status().attributed == 0);
}

TEST_CASE("kv map: what was ambiguous is clear once the other one has grown on") {
  Story s;
  const auto first = s.send({101, 102});
  s.send({201, 202});
  s.store(1, 0, 32);
  s.store(2, 0, 32);
  s.end(first, 512, 1, 0);
  CHECK(s.held().empty());
  s.store(2, 32, 34);
  s.later(1ms);
  CHECK(s.held() == Set{101, 102});
}

TEST_CASE("kv map: events that come after the answer are waited for, but not for ever") {
  Story s;
  const auto prompt = s.send({101});
  s.end(prompt, 256, 1, 0);
  s.later(KvMap::SettleMax - 10ms);
  s.store(1, 0, 16);
  CHECK(s.held() == Set{101});

  const auto other = s.send({201});
  s.end(other, 256, 1, 0);
  s.later(KvMap::SettleMax + 1ms);
  s.store(2, 0, 16);
  CHECK(s.held() == Set{101});
  CHECK(s.map.status().unattributed == 1);
}

TEST_CASE("kv map: a conversation's next turn goes on from the last one's answer") {
  Story s;
  const auto first = s.send({101, 102});
  s.store(1, 0, 34);
  s.end(first, 512, 33, 0);
  REQUIRE(s.held() == Set{101, 102});
  // The same beginning, the answer, and more: the engine finds 34 blocks.
  const auto second = s.send({101, 102, 103, 104});
  s.store(1, 34, 64);
  s.end(second, 1024, 1, 544);
  CHECK(s.held() == Set{101, 102, 103, 104});
  s.remove(1, 63, 64);
  CHECK(s.held() == Set{101, 102, 103});
}

TEST_CASE("kv map: the next turn may begin before the last event of the turn before has been understood") {
  Story s;
  const auto first = s.send({101, 102});
  s.store(1, 0, 30);
  s.end(first, 512, 1, 0);
  const auto second = s.send({101, 102, 103, 104});
  s.store(1, 30, 32);  // the end of the first
  s.store(1, 32, 64);  // all of the second
  s.end(second, 1024, 1, 512);
  CHECK(s.held() == Set{101, 102, 103, 104});
  CHECK(s.map.status().attributed == 2);
}

TEST_CASE("kv map: a common beginning stays while one prompt's end goes") {
  Story s;
  const auto first = s.send({100, 101, 102});
  s.store(0, 0, 48);
  s.end(first, 768, 1, 0);
  const auto second = s.send({100, 201, 202});
  s.store(2, 16, 48, 16);
  s.end(second, 768, 1, 256);
  CHECK(s.held() == Set{100, 101, 102, 201, 202});
  s.remove(0, 16, 48);
  CHECK(s.held() == Set{100, 201, 202});
}

TEST_CASE("kv map: where two texts part shows where their common block ends at most") {
  Story s;
  // The first prompt's words are long: its first block is thought to end at token 256, but the texts part at 224.
  const auto first = s.send({100, 101, 102});
  s.store(0, 0, 48);
  s.end(first, 768, 1, 0);
  const auto second = s.send({100, 201, 202});
  s.store(2, 14, 48, 14);
  s.end(second, 768, 1, 224);
  CHECK(s.held() == Set{100, 101, 102, 201, 202});
  // So the first one's own blocks may go without the common one.
  s.remove(0, 14, 48);
  CHECK(s.held() == Set{100, 201, 202});
}

TEST_CASE("kv map: a run that hangs from another text is not taken") {
  Story s;
  const auto first = s.send({101, 102});
  s.store(0, 0, 32);
  s.end(first, 512, 1, 0);
  // This prompt is a different one from its first block on, and yet a run of its length hangs from the first prompt.
  const auto second = s.send({201, 202, 203, 204});
  s.store(2, 32, 64, 32);
  s.end(second, 1024, 1, 512);
  s.later(KvMap::SettleMax + 1ms);
  CHECK(s.held() == Set{101, 102});
  CHECK(s.map.status().unattributed == 1);
}

TEST_CASE("kv map: an engine that does not report cached tokens is understood where the length is enough") {
  Story s;
  const auto id = s.send({101, 102});
  s.store(1, 0, 32);
  s.end(id, 512, 1, std::nullopt);
  CHECK(s.held() == Set{101, 102});
}

TEST_CASE("kv map: without usage only a request that was alone is attributed") {
  Story s;
  const auto alone = s.send({101, 102});
  s.store(1, 0, 32);
  s.now += 1ms;
  s.map.ended(alone, std::nullopt, s.now);
  CHECK(s.held() == Set{101, 102});

  s.later(KvMap::SettleMax + 1ms);
  const auto first = s.send({201, 202}), second = s.send({301});
  s.store(2, 0, 32);
  s.map.ended(first, std::nullopt, s.now);
  s.map.ended(second, std::nullopt, s.now);
  s.later(KvMap::SettleMax + 1ms);
  CHECK(s.held() == Set{101, 102});
  CHECK(s.map.status().without_usage == 3);
}

TEST_CASE("kv map: a repeated prompt leaves nothing new and is not held against anyone") {
  Story s;
  s.store(1, 0, 32);
  const auto again = s.send({101, 102});
  s.end(again, 512, 8, 512);
  const auto kept_by_prompt = s.send({101, 102});
  s.end(kept_by_prompt, 512, 100, 512);
  s.later(KvMap::SettleMax + 1ms);
  CHECK(s.map.status().unattributed == 0);
}

TEST_CASE("kv map: blocks of before we listened are presumed where something hangs from them") {
  Story s;
  // The engine has 16 blocks that nobody told us of; the request's new blocks hang from the last of them.
  const auto id = s.send({101, 102, 103});
  s.store(1, 16, 48);
  s.end(id, 768, 1, 256);
  CHECK(s.held() == Set{101, 102, 103});
  s.remove(1, 16, 48);
  CHECK(s.held() == Set{101});
  s.remove(1, 15, 16);
  CHECK(s.held().empty());
}

TEST_CASE("kv map: a block is there while one of its places has it") {
  Story s;
  const auto id = s.send({101});
  s.store(1, 0, 16);
  s.store(1, 0, 16, 0, Host);
  s.end(id, 256, 1, 0);
  s.remove(1, 0, 16);
  CHECK(s.held() == Set{101});
  s.remove(1, 0, 16, 0, Host);
  CHECK(s.held().empty());
}

TEST_CASE("kv map: what hangs from a block that went is out of reach until it is back") {
  Story s;
  const auto id = s.send({101, 102, 103, 104});
  s.store(1, 0, 64);
  s.end(id, 1024, 1, 0);
  s.remove(1, 20, 21);  // in the middle
  CHECK(s.held() == Set{101});
  s.store(1, 20, 21);
  CHECK(s.held() == Set{101, 102, 103, 104});
}

TEST_CASE("kv map: adapters keep blocks apart") {
  Story s;
  s.map.dispatched({.id = 1, .salt = 1, .adapter = 0, .blocks = {101}, .prompt_tokens = 256, .block_tokens = 256}, s.now);
  s.map.dispatched({.id = 2, .salt = 2, .adapter = 55, .blocks = {201}, .prompt_tokens = 256, .block_tokens = 256}, s.now);
  const Hashes blocks = s.engine_blocks(1, 0, 16);
  s.map.stored({.blocks = blocks, .parent = {}, .tokens = {}, .block_tokens = BlockTokens, .adapter = 55}, Gpu, s.now);
  s.end(1, 256, 1, 0);
  CHECK(s.held().empty());
  s.end(2, 256, 1, 0);
  CHECK(s.held() == Set{201});
}

TEST_CASE("kv map: after a loss nothing is held, and what comes next is understood again") {
  Story s;
  const auto id = s.send({101});
  s.store(1, 0, 16);
  s.end(id, 256, 1, 0);
  s.map.lost();
  CHECK(s.heard.cleared_times == 1);
  CHECK(s.held().empty());
  CHECK_FALSE(s.map.status().complete);
  const auto next = s.send({201});
  s.store(2, 0, 16);
  s.end(next, 256, 1, 0);
  CHECK(s.held() == Set{201});
  s.map.cleared();
  CHECK(s.map.status().complete);
  CHECK(s.held().empty());
}

TEST_CASE("kv map: the cache's capacity is what it held when it had to evict") {
  Story s;
  s.map.began();
  s.store(1, 0, 100);
  CHECK(s.heard.capacities.empty());
  s.remove(1, 90, 100);
  CHECK(s.heard.capacities == Hashes{1600});
  s.store(2, 0, 10);
  s.remove(1, 80, 90);
  CHECK(s.heard.capacities == Hashes{1600});
  s.store(2, 10, 30);
  s.remove(1, 70, 80);
  CHECK(s.heard.capacities == Hashes{1600, 1760});
}

TEST_CASE("kv map: joined late, the capacity is told once the cache was turned over") {
  Story s;
  s.store(1, 0, 10);
  s.map.removed(s.engine_blocks(9, 0, 5), Gpu);  // of before
  CHECK(s.map.status().unknown_removed == 5);
  CHECK(s.heard.capacities.empty());
  for (std::uint32_t i = 10; i < 60; ++i) {
    s.store(1, i, i + 1);
    s.store(2 + i, 0, 1);
    s.remove(2 + i, 0, 1);
  }
  CHECK_FALSE(s.map.status().complete);
  s.remove(1, 20, 60);
  CHECK(s.map.status().complete);
  s.remove(1, 19, 20);
  CHECK(s.heard.capacities.size() == 1);
}

TEST_CASE("kv map: knowledge is exact while nearly all requests are understood") {
  Story s;
  const auto one = [&](std::uint64_t prompt, bool clear) {
    const auto id = s.send({prompt * 10});
    s.store(prompt, 0, 16);
    if (!clear) s.store(prompt + 1000, 0, 16);
    s.end(id, 256, 1, 0);
    s.later(KvMap::SettleMax + 1ms);
  };
  for (std::uint64_t i = 1; i < KvMap::ExactAfterMin; ++i) one(i, true);
  CHECK(s.heard.knowledge.empty());
  s.heard.held.clear();
  one(KvMap::ExactAfterMin, true);
  CHECK(s.heard.knowledge == std::vector{KvKnowledge::Exact});
  CHECK(s.held().size() == KvMap::ExactAfterMin);  // all were told again
  for (std::uint64_t i = 100; i < 120; ++i) one(i, false);
  CHECK(s.heard.knowledge == std::vector{KvKnowledge::Exact, KvKnowledge::Partial});
}

// ---- token ids

namespace {

struct IdStory : Story {
  IdStory() : Story({.chain = chain, .ids_per_block = 64}) {}

  static std::vector<std::uint32_t> ids(std::uint32_t first, std::uint32_t count) {
    std::vector<std::uint32_t> out(count);
    for (std::uint32_t i = 0; i < count; ++i) out[i] = first + i;
    return out;
  }
  static Hashes ours(std::span<const std::uint32_t> prompt, std::uint64_t salt) {
    Hashes out;
    for (std::size_t at = 0; at + 64 <= prompt.size(); at += 64) out.push_back(salt = chain(salt, prompt.subspan(at, 64)));
    return out;
  }
  std::uint64_t send_ids(std::span<const std::uint32_t> prompt, std::uint64_t salt) {
    now += 1ms;
    map.dispatched({.id = ++last_id,
                    .prompt = KvRequest::Prompt::TokenIds,
                    .salt = salt,
                    .blocks = ours(prompt, salt),
                    .prompt_tokens = static_cast<std::uint32_t>(prompt.size()),
                    .block_tokens = 64},
                   now);
    return last_id;
  }
  void store_ids(std::uint64_t name, std::span<const std::uint32_t> prompt, std::uint32_t from) {
    const auto to = static_cast<std::uint32_t>(prompt.size() / BlockTokens);
    const Hashes hashes = engine_blocks(name, from, to);
    KvTree::Stored stored{.blocks = hashes,
                          .parent = {},
                          .tokens = prompt.subspan(from * BlockTokens, hashes.size() * BlockTokens),
                          .block_tokens = BlockTokens};
    if (from > 0) stored.parent = engine_hash(name, from - 1);
    map.stored(stored, Gpu, now);
    map.tick(now);
  }
  static Set set(const Hashes& hashes) { return {hashes.begin(), hashes.end()}; }
};

}  // namespace

TEST_CASE("kv map: blocks of token ids are known as soon as they are stored") {
  IdStory s;
  const auto prompt = IdStory::ids(5, 256);
  const auto blocks = IdStory::ours(prompt, 1);
  s.send_ids(prompt, 1);
  s.store_ids(1, std::span(prompt).first(144), 0);
  CHECK(s.held() == IdStory::set({blocks[0], blocks[1]}));
  s.store_ids(1, prompt, 9);
  CHECK(s.held() == IdStory::set(blocks));
  s.remove(1, 15, 16);
  CHECK(s.held() == IdStory::set({blocks[0], blocks[1], blocks[2]}));
}

TEST_CASE("kv map: an answer's ids are known when the next turn names them") {
  IdStory s;
  const auto all = IdStory::ids(5, 256);
  s.send_ids(std::span(all).first(128), 1);
  s.store_ids(1, all, 0);  // prompt and answer
  CHECK(s.held() == IdStory::set(IdStory::ours(std::span(all).first(128), 1)));
  s.send_ids(all, 1);
  CHECK(s.held() == IdStory::set(IdStory::ours(all, 1)));
}

TEST_CASE("kv map: a tenant learns nothing of what another one's request has stored before it asks for the same") {
  IdStory s;
  const auto prompt = IdStory::ids(5, 128);
  s.send_ids(prompt, 1);
  s.send_ids(IdStory::ids(900, 64), 2);
  s.store_ids(1, prompt, 0);
  CHECK(s.held() == IdStory::set(IdStory::ours(prompt, 1)));
  s.send_ids(prompt, 2);
  Set both = IdStory::set(IdStory::ours(prompt, 1));
  both.merge(IdStory::set(IdStory::ours(prompt, 2)));
  CHECK(s.held() == both);
}

TEST_CASE("kv map: of more salts than SaltsMax the one unused longest leaves, and works again when it is back") {
  IdStory s;
  const auto prompt = IdStory::ids(5, 64);
  for (std::uint64_t salt = 1; salt <= KvMap::SaltsMax + 1; ++salt) s.send_ids(prompt, salt);
  s.store_ids(1, prompt, 0);
  CHECK(s.held().size() == KvMap::SaltsMax);
  CHECK_FALSE(s.held().contains(IdStory::ours(prompt, 1)[0]));
  s.send_ids(prompt, 1);
  CHECK(s.held().contains(IdStory::ours(prompt, 1)[0]));
}

// ---- limits and disorder

TEST_CASE("kv map: of more ended requests than PendingMax the oldest is given up") {
  Story s;
  for (std::uint64_t i = 0; i <= KvMap::PendingMax; ++i) s.send({10 * i});
  for (std::uint64_t id = 1; id <= KvMap::PendingMax; ++id) s.end(id, 256, 1, 0);
  CHECK(s.map.status().unattributed == 0);
  s.end(KvMap::PendingMax + 1, 256, 1, 0);
  CHECK(s.map.status().unattributed == 1);
}

TEST_CASE("kv map: beyond KvNodesMax blocks are not followed, and what is followed stays right") {
  Story s;
  for (std::uint64_t i = 0; i < KvNodesMax / 512; ++i) s.store(1000 + i, 0, 512);
  CHECK(s.map.status().resident_blocks == KvNodesMax);
  s.store(1, 0, 4);
  CHECK(s.map.status().resident_blocks == KvNodesMax);
  CHECK(s.map.status().overflowed > 0);
  s.remove(1000, 500, 512);
  s.store(1, 0, 4);
  CHECK(s.map.status().resident_blocks == KvNodesMax - 12 + 4);
}

TEST_CASE("kv map: of more segments than SegmentsMax the oldest goes") {
  Story s;
  const auto id = s.send({101});
  s.store(1, 0, 16);
  for (std::uint64_t i = 0; i < KvMap::SegmentsMax; ++i) s.store(1000 + i, 0, 1);
  s.end(id, 256, 1, 0);
  CHECK(s.held().empty());
  s.later(KvMap::SettleMax + 1ms);
  CHECK(s.map.status().unattributed == 1);
}

TEST_CASE("kv map: beyond RequestsMax requests are not followed, and old ones are forgotten") {
  Story s;
  for (std::size_t i = 0; i <= KvMap::RequestsMax; ++i) s.send({});
  s.end(KvMap::RequestsMax + 1, 256, 1, 0);
  s.later(KvMap::SettleMax + 1ms);
  CHECK(s.map.status().unattributed == 0);  // nobody knew it
  s.later(KvMap::RequestAgeMax + 1s);
  s.later(11s);
  const auto fresh = s.send({101});
  s.store(1, 0, 16);
  s.end(fresh, 256, 1, 0);
  CHECK(s.held() == Set{101});
}

TEST_CASE("kv map: an engine that talks nonsense does no harm") {
  for (std::uint64_t seed = 1; seed <= 40; ++seed) {
    Rng rng(seed);
    Story s({.chain = chain, .ids_per_block = 32});
    std::vector<std::uint64_t> open;
    for (int step = 0; step < 400; ++step) {
      s.now += Duration(static_cast<std::int64_t>(rng.below(200'000'000)));
      const auto hashes = [&] {
        Hashes out(1 + rng.below(6));
        for (auto& hash : out) hash = rng.below(40);
        return out;
      };
      switch (rng.below(8)) {
        case 0:
        case 1:
        case 2: {
          const Hashes blocks = hashes();
          const std::vector<std::uint32_t> tokens(rng.below(2) == 0 ? 0 : blocks.size() * 16, 3);
          KvTree::Stored stored{.blocks = blocks, .parent = {}, .tokens = tokens, .block_tokens = 16, .adapter = rng.below(2)};
          if (rng.below(3) > 0) stored.parent = rng.below(40);
          s.map.stored(stored, rng.below(40), s.now);
          break;
        }
        case 3: {
          const Hashes blocks = hashes();
          s.map.removed(blocks, rng.below(40));
          break;
        }
        case 4: {
          Hashes ours = hashes();
          for (auto& block : ours) block += 1000;
          open.push_back(++s.last_id);
          s.map.dispatched({.id = s.last_id,
                            .prompt = rng.below(2) == 0 ? KvRequest::Prompt::Text : KvRequest::Prompt::TokenIds,
                            .salt = rng.below(12),
                            .adapter = rng.below(2),
                            .blocks = ours,
                            .prompt_tokens = static_cast<std::uint32_t>(rng.below(100)),
                            .block_tokens = static_cast<std::uint32_t>(rng.below(20))},
                           s.now);
          break;
        }
        case 5:
        case 6:
          if (!open.empty()) {
            const std::size_t at = rng.below(open.size());
            s.end(open[at], static_cast<std::uint32_t>(rng.below(100)), static_cast<std::uint32_t>(rng.below(40)),
                  rng.below(2) == 0 ? std::nullopt : std::optional(static_cast<std::uint32_t>(rng.below(100))));
            open.erase(open.begin() + static_cast<std::ptrdiff_t>(at));
          }
          break;
        default:
          s.map.tick(s.now);
          if (rng.below(20) == 0) s.map.cleared();
      }
      CHECK(s.map.status().resident_blocks <= 40);
    }
    // Whatever it said: when all has left, nothing is held.
    for (std::uint64_t hash = 0; hash < 40; ++hash) {
      for (std::uint64_t place = 0; place < 40; ++place) s.map.removed(Hashes{hash}, place);
    }
    CHECK(s.map.status().resident_blocks == 0);
    CHECK(s.held().empty());
  }
}
