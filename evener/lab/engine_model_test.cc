#include "evener/lab/engine_model.h"

#include <doctest/doctest.h>

#include <map>
#include <set>

#include "evener/lab/engine_presets.h"
#include "tests/for_each_seed.h"

namespace evener::lab {
namespace {

// One second of arithmetic is easy to follow: 1,000 prompt tokens per second and 10 ms per step.
EngineConfig small() {
  return {.step = LinearStep{.prefill_tokens_per_s = 1000, .base_s = 0.010, .per_sequence_s = 0, .per_kv_token_s = 0},
          .batch_sequences_max = 4,
          .batch_tokens_max = 100,
          .kv_blocks = 64,
          .kv_block_tokens = 10};
}

std::vector<std::uint64_t> hashes(std::uint64_t seed, std::size_t count) {
  std::vector<std::uint64_t> out;
  std::uint64_t previous = seed;
  for (std::size_t i = 0; i < count; ++i) out.push_back(previous = splitmix64(previous));
  return out;
}

struct Ended {
  Duration first_token{}, end{};
  std::uint32_t tokens = 0;
};
std::map<SequenceId, Ended> run_until_idle(EngineModel& engine) {
  std::map<SequenceId, Ended> result;
  Duration now{};
  for (int steps = 0; !engine.idle() && steps < 1'000'000; ++steps) {
    const StepOutcome& outcome = engine.step();
    now += outcome.duration;
    for (const Emission& emission : outcome.emissions) {
      Ended& ended = result[emission.id];
      ++ended.tokens;
      if (emission.first) ended.first_token = now;
      if (emission.finished) ended.end = now;
    }
  }
  return result;
}

TEST_CASE("a prompt longer than the step budget is computed in chunks, and its first token comes with the last one") {
  EngineModel engine(small());
  REQUIRE(engine.submit({.id = 1, .prompt_tokens = 250, .output_tokens = 3}) == Submitted::Queued);
  const auto ended = run_until_idle(engine);
  // Three chunks of 100, 100 and 50 tokens: 0.11 + 0.11 + 0.06 s; then two more tokens of 0.01 s each.
  CHECK(seconds(ended.at(1).first_token) == doctest::Approx(0.28));
  CHECK(seconds(ended.at(1).end) == doctest::Approx(0.30));
  CHECK(ended.at(1).tokens == 3);
  CHECK(engine.totals().prompt_tokens == 250);
  CHECK(engine.totals().generation_tokens == 3);
  CHECK(engine.gauges().kv_used == 0);
}

TEST_CASE("sequences decode together: a second one does not make each token of the first take twice as long") {
  EngineModel engine(small());
  engine.submit({.id = 1, .prompt_tokens = 10, .output_tokens = 50});
  engine.submit({.id = 2, .prompt_tokens = 10, .output_tokens = 50});
  const auto ended = run_until_idle(engine);
  CHECK(seconds(ended.at(1).end) == doctest::Approx(0.030 + 49 * 0.010));
  CHECK(ended.at(2).end == ended.at(1).end);
}

TEST_CASE("at most batch_sequences_max sequences run, the others wait their turn in order") {
  EngineModel engine(small());
  for (SequenceId id = 1; id <= 6; ++id) engine.submit({.id = id, .prompt_tokens = 10, .output_tokens = 5});
  engine.step();
  CHECK(engine.gauges().running == 4);
  CHECK(engine.gauges().waiting == 2);
  const auto ended = run_until_idle(engine);
  CHECK(ended.at(5).first_token > ended.at(4).end - ended.at(1).first_token);
  CHECK(ended.at(6).first_token == ended.at(5).first_token);
  CHECK(ended.size() == 6);
}

TEST_CASE("a sequence whose prompt does not fit into the free KV blocks waits, although batch places are free") {
  EngineModel engine(small());
  engine.submit({.id = 1, .prompt_tokens = 600, .output_tokens = 2});
  engine.submit({.id = 2, .prompt_tokens = 100, .output_tokens = 2});
  for (int i = 0; i < 6; ++i) engine.step();
  CHECK(engine.gauges().running == 1);
  CHECK(engine.gauges().waiting == 1);
  const auto ended = run_until_idle(engine);
  CHECK(ended.at(2).tokens == 2);
}

TEST_CASE("a full queue, a sequence beyond the context limit and an empty sequence are refused") {
  EngineConfig config = small();
  config.queue_max = 2;
  config.context_tokens_max = 50;
  EngineModel engine(config);
  CHECK(engine.submit({.id = 1, .prompt_tokens = 40, .output_tokens = 11}) == Submitted::ContextTooLong);
  CHECK(engine.submit({.id = 1, .prompt_tokens = 40, .output_tokens = 10}) == Submitted::Queued);
  CHECK(engine.submit({.id = 2, .prompt_tokens = 40, .output_tokens = 10}) == Submitted::Queued);
  CHECK(engine.submit({.id = 3, .prompt_tokens = 40, .output_tokens = 10}) == Submitted::QueueFull);
  CHECK(engine.submit({.id = 4, .prompt_tokens = 0, .output_tokens = 10}) == Submitted::Empty);
  CHECK(engine.totals().refused == 3);
}

TEST_CASE("a prompt that repeats a prefix reaches its first token sooner, and the hit is counted") {
  EngineModel engine(small());
  engine.submit({.id = 1, .prompt_tokens = 100, .output_tokens = 1, .block_hashes = hashes(7, 10)});
  const Duration cold = run_until_idle(engine).at(1).first_token;

  engine.submit({.id = 2, .prompt_tokens = 100, .output_tokens = 1, .block_hashes = hashes(7, 10)});
  engine.step();
  const auto warm = engine.totals();
  // Ten blocks match, but one token at least has to be computed, so the last block is computed again.
  CHECK(warm.prefix_hit_tokens == 90);
  CHECK(warm.prefix_query_tokens == 200);
  CHECK(seconds(cold) == doctest::Approx(0.110));
  engine.submit({.id = 3, .prompt_tokens = 100, .output_tokens = 1, .block_hashes = hashes(7, 10)});
  CHECK(seconds(run_until_idle(engine).at(3).first_token) == doctest::Approx(0.020));
}

TEST_CASE("without the prefix cache a repeated prompt costs as much as the first") {
  EngineConfig config = small();
  config.prefix_cache = KvCache::Prefix::Off;
  EngineModel engine(config);
  for (SequenceId id = 1; id <= 2; ++id) {
    engine.submit({.id = id, .prompt_tokens = 100, .output_tokens = 1, .block_hashes = hashes(7, 10)});
    CHECK(seconds(run_until_idle(engine).at(id).first_token) == doctest::Approx(0.110));
  }
  CHECK(engine.totals().prefix_hit_tokens == 0);
}

TEST_CASE("the prefix cache forgets the least recently used prompt first, its end before its beginning") {
  EngineConfig config = small();
  config.kv_blocks = 20;
  EngineModel engine(config);
  const auto run_one = [&](SequenceId id, std::uint64_t prompt, std::uint32_t tokens) {
    engine.submit({.id = id, .prompt_tokens = tokens, .output_tokens = 1, .block_hashes = hashes(prompt, tokens / 10)});
    const std::uint64_t before = engine.totals().prefix_hit_tokens;
    run_until_idle(engine);
    return engine.totals().prefix_hit_tokens - before;
  };
  CHECK(run_one(1, 100, 90) == 0);
  CHECK(run_one(2, 200, 90) == 0);
  CHECK(run_one(3, 300, 60) == 0);  // takes the two blocks never used and four from the end of prompt 100
  CHECK(run_one(4, 200, 90) == 80);  // computes its last block again, which takes a fifth block from prompt 100
  CHECK(run_one(5, 100, 90) == 40);
}

TEST_CASE("when decoding runs out of KV blocks the newest sequence is pre-empted, recomputed and still ends complete") {
  EngineConfig config = small();
  config.kv_blocks = 12;
  config.prefix_cache = KvCache::Prefix::Off;
  EngineModel engine(config);
  engine.submit({.id = 1, .prompt_tokens = 50, .output_tokens = 40});
  engine.submit({.id = 2, .prompt_tokens = 50, .output_tokens = 40});
  std::vector<SequenceId> preempted;
  std::map<SequenceId, int> tokens;
  while (!engine.idle()) {
    const StepOutcome& outcome = engine.step();
    preempted.insert(preempted.end(), outcome.preempted.begin(), outcome.preempted.end());
    for (const Emission& emission : outcome.emissions) ++tokens[emission.id];
  }
  REQUIRE(!preempted.empty());
  CHECK(preempted.front() == 2);
  CHECK(engine.totals().preemptions == preempted.size());
  CHECK(tokens[1] == 40);
  CHECK(tokens[2] == 40);
  CHECK(engine.totals().computed_prefill_tokens > 100);  // the pre-empted sequence's tokens were computed twice
  CHECK(engine.totals().prompt_tokens == 100);           // but reported once
}

TEST_CASE("cancelling frees the blocks and lets the next sequence in, whether it ran or waited") {
  EngineModel engine(small());
  engine.submit({.id = 1, .prompt_tokens = 600, .output_tokens = 20});
  engine.submit({.id = 2, .prompt_tokens = 600, .output_tokens = 20});
  engine.submit({.id = 3, .prompt_tokens = 600, .output_tokens = 1});
  for (int i = 0; i < 8; ++i) engine.step();
  CHECK(engine.gauges().kv_used > 0.9);
  CHECK(engine.cancel(1));
  CHECK(engine.cancel(2));
  CHECK(!engine.cancel(2));
  CHECK(engine.gauges().kv_used == 0);
  CHECK(engine.gauges().waiting == 1);
  CHECK(run_until_idle(engine).at(3).tokens == 1);
  CHECK(engine.totals().cancelled == 2);
}

TEST_CASE("whatever is submitted and cancelled, sequences and tokens are conserved and the KV cache is never overfilled") {
  for_each_seed(60, [](Rng& rng) {
    EngineConfig config = small();
    config.kv_blocks = static_cast<std::uint32_t>(10 + rng.below(60));
    config.batch_sequences_max = static_cast<std::uint32_t>(1 + rng.below(8));
    config.queue_max = 10;
    if (rng.below(3) == 0) config.prefix_cache = KvCache::Prefix::Off;
    EngineModel engine(config);
    std::map<SequenceId, std::uint32_t> wanted, got;
    std::set<SequenceId> cancelled;
    SequenceId next = 1;
    std::uint64_t finished = 0;
    for (int i = 0; i < 400 || !engine.idle(); ++i) {
      REQUIRE(i < 100'000);
      if (i < 400 && rng.below(3) == 0) {
        const auto prompt = static_cast<std::uint32_t>(1 + rng.below(150));
        const auto output = static_cast<std::uint32_t>(1 + rng.below(40));
        if (engine.submit({.id = next, .prompt_tokens = prompt, .output_tokens = output, .block_hashes = hashes(rng.below(4), prompt / 10)}) ==
            Submitted::Queued) {
          wanted[next] = output;
        }
        ++next;
      }
      if (i < 400 && rng.below(15) == 0) {
        const SequenceId id = rng.below(next);
        if (engine.cancel(id)) cancelled.insert(id);
      }
      const StepOutcome& outcome = engine.step();
      REQUIRE(outcome.work.prefill_tokens + outcome.work.decode_tokens <= config.batch_tokens_max);
      REQUIRE(engine.gauges().kv_used <= 1.0);
      REQUIRE(engine.gauges().running <= config.batch_sequences_max);
      for (const Emission& emission : outcome.emissions) {
        REQUIRE(!cancelled.contains(emission.id));
        REQUIRE(emission.first == (got[emission.id] == 0));
        ++got[emission.id];
        if (emission.finished) {
          ++finished;
          REQUIRE(got[emission.id] == wanted[emission.id]);
        }
      }
      const EngineTotals& totals = engine.totals();
      REQUIRE(totals.submitted == totals.finished + totals.cancelled + totals.refused + engine.gauges().running + engine.gauges().waiting);
    }
    REQUIRE(engine.gauges().kv_used == 0);
    REQUIRE(finished + cancelled.size() == wanted.size());
  });
}

TEST_CASE("equal calls give equal outcomes") {
  const auto run = [] {
    EngineModel engine(find_engine_preset("rtx4090-8b")->config);
    Rng rng(3);
    for (SequenceId id = 1; id <= 200; ++id) {
      engine.submit({.id = id, .prompt_tokens = static_cast<std::uint32_t>(1 + rng.below(900)), .output_tokens = static_cast<std::uint32_t>(1 + rng.below(300))});
    }
    std::vector<std::int64_t> ends;
    for (const auto& [id, ended] : run_until_idle(engine)) ends.push_back(ended.end.count());
    return ends;
  };
  CHECK(run() == run());
}

TEST_CASE("no preset serves the same batch in less time than one listed before it") {
  double previous = 0;
  for (const EnginePreset& preset : engine_presets()) {
    CAPTURE(preset.name);
    EngineModel engine(preset.config);
    for (SequenceId id = 1; id <= 16; ++id) engine.submit({.id = id, .prompt_tokens = 512, .output_tokens = 128});
    double end = 0;
    for (const auto& [id, ended] : run_until_idle(engine)) end = std::max(end, seconds(ended.end));
    CHECK(end >= previous);  // variants of one machine differ in memory only
    previous = end;
  }
}

}  // namespace
}  // namespace evener::lab
