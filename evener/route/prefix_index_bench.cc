// What the prefix index costs: lookups of a prompt of 16 blocks (4,000 tokens) by number of endpoints and of how many hold its beginning,
// and lookups and insertions in a table of ten million blocks, where nothing is in the CPU's caches.

#include <benchmark/benchmark.h>

#include <algorithm>
#include <cstdint>
#include <ctime>
#include <span>
#include <vector>

#include "evener/core/rng.h"
#include "evener/route/prefix_index.h"

using namespace evener;
using namespace evener::route;

namespace {

constexpr std::size_t PromptBlocks = 16;
constexpr std::uint32_t PromptTokens = 4000, BlockTokens = 256;

std::vector<std::uint64_t> hashes(Rng& rng, std::size_t count) {
  std::vector<std::uint64_t> blocks(count);
  for (std::uint64_t& block : blocks) block = rng.next();
  return blocks;
}

/// `common` leading blocks that all endpoints hold, then some of which one endpoint holds the rest.
void lookup_warm(benchmark::State& state) {
  const auto endpoints = static_cast<std::uint32_t>(state.range(0));
  const auto common = static_cast<std::size_t>(state.range(1));
  PrefixIndex index;
  Rng rng(1);
  for (std::uint32_t id = 0; id < endpoints; ++id) index.add(EndpointId{id});
  const auto beginning = hashes(rng, common);
  std::vector<std::vector<std::uint64_t>> prompts;
  for (std::uint32_t id = 0; id < endpoints; ++id) {
    auto blocks = beginning;
    const auto rest = hashes(rng, PromptBlocks - common);
    blocks.insert(blocks.end(), rest.begin(), rest.end());
    index.sent(EndpointId{id}, blocks, PromptTokens, BlockTokens);
    if (prompts.size() < 32) prompts.push_back(blocks);
  }
  std::vector<std::uint32_t> leading;
  std::size_t turn = 0;
  for (auto _ : state) benchmark::DoNotOptimize(index.lookup(prompts[turn++ % prompts.size()], leading));
}

/// All endpoints hold the beginning, but each to another depth.
void lookup_staircase(benchmark::State& state) {
  const auto endpoints = static_cast<std::uint32_t>(state.range(0));
  PrefixIndex index;
  Rng rng(1);
  const auto blocks = hashes(rng, PromptBlocks);
  for (std::uint32_t id = 0; id < endpoints; ++id) {
    index.add(EndpointId{id});
    index.sent(EndpointId{id}, std::span(blocks).first(1 + rng.below(PromptBlocks)), PromptTokens, BlockTokens);
  }
  std::vector<std::uint32_t> leading;
  for (auto _ : state) benchmark::DoNotOptimize(index.lookup(blocks, leading));
}

/// Lookup and dispatch of a growing conversation, as a scheduler does it.
void lookup_and_sent(benchmark::State& state) {
  const auto endpoints = static_cast<std::uint32_t>(state.range(0));
  PrefixIndex index;
  Rng rng(1);
  for (std::uint32_t id = 0; id < endpoints; ++id) index.add(EndpointId{id});
  std::vector<std::vector<std::uint64_t>> open(64);
  std::vector<std::uint32_t> leading;
  std::size_t turn = 0;
  for (auto _ : state) {
    auto& blocks = open[turn % open.size()];
    if (blocks.size() >= 2 * PromptBlocks) blocks.clear();
    blocks.push_back(rng.next());
    benchmark::DoNotOptimize(index.lookup(blocks, leading));
    const EndpointId endpoint{static_cast<std::uint32_t>(turn % open.size() % endpoints)};
    benchmark::DoNotOptimize(index.sent(endpoint, blocks, PromptTokens, BlockTokens));
    ++turn;
  }
}

/// Of this thread alone, so that other work on the machine does not count.
double thread_cpu_us() {
  timespec time{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) * 1e6 + static_cast<double>(time.tv_nsec) / 1e3;
}

/// Ten million blocks on a hundred endpoints, made once. Counters: memory, and the longest call of those that made it.
struct Large {
  static constexpr std::size_t Prompts = 10'000'000 / PromptBlocks;
  static constexpr std::uint32_t Endpoints = 100;

  Large() : index({.capacity_blocks = 1e6}) {
    for (std::uint32_t id = 0; id < Endpoints; ++id) index.add(EndpointId{id});
    Rng rng(1);
    slowest_us.reserve(Prompts);
    for (std::size_t i = 0; i < Prompts; ++i) {
      const auto blocks = hashes(rng, PromptBlocks);
      const double begin = thread_cpu_us();
      index.sent(EndpointId{static_cast<std::uint32_t>(i % Endpoints)}, blocks, PromptTokens, BlockTokens);
      slowest_us.push_back(thread_cpu_us() - begin);
    }
    std::ranges::sort(slowest_us);
    // The same prompts again, in another order than the table has them.
    Rng again(1);
    for (std::size_t i = 0; i < Prompts; ++i) {
      const auto blocks = hashes(again, PromptBlocks);
      if (i % 8 == 0) prompts.push_back(blocks);
    }
    for (std::size_t i = prompts.size(); i > 1; --i) std::swap(prompts[i - 1], prompts[rng.below(i)]);
  }
  PrefixIndex index;
  std::vector<std::vector<std::uint64_t>> prompts;
  std::vector<double> slowest_us;
};

Large& large() {
  static Large one;
  return one;
}

void lookup_cold(benchmark::State& state) {
  Large& in = large();
  std::vector<std::uint32_t> leading;
  std::size_t turn = 0;
  for (auto _ : state) {
    const std::uint32_t run = in.index.lookup(in.prompts[turn++ % in.prompts.size()], leading);
    if (run != PromptBlocks) state.SkipWithError("a prompt was not found");
  }
  state.counters["per_block"] =
      benchmark::Counter(static_cast<double>(state.iterations()) * PromptBlocks, benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
  state.counters["MB"] = static_cast<double>(in.index.bytes()) / 1e6;
  state.counters["blocks"] = static_cast<double>(in.index.blocks());
  const auto calls = in.slowest_us.size();
  state.counters["sent_us_p999"] = in.slowest_us[calls - calls / 1000];
  state.counters["sent_us_p9999"] = in.slowest_us[calls - calls / 10000];
  state.counters["sent_us_max"] = in.slowest_us.back();
}

/// The table is full, so that each new block takes the place of another.
void sent_when_full(benchmark::State& state) {
  Large& in = large();
  Rng rng(77);
  std::uint32_t turn = 0;
  for (auto _ : state) {
    const auto blocks = hashes(rng, PromptBlocks);
    benchmark::DoNotOptimize(in.index.sent(EndpointId{turn++ % Large::Endpoints}, blocks, PromptTokens, BlockTokens));
  }
  state.counters["per_block"] =
      benchmark::Counter(static_cast<double>(state.iterations()) * PromptBlocks, benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
  state.counters["MB"] = static_cast<double>(in.index.bytes()) / 1e6;
}

}  // namespace

BENCHMARK(lookup_warm)->ArgNames({"endpoints", "common"})->ArgsProduct({{8, 100, 4000}, {0, 4, 15}})->MinTime(0.3);
BENCHMARK(lookup_staircase)->ArgName("endpoints")->Arg(100)->Arg(4000)->MinTime(0.3);
BENCHMARK(lookup_and_sent)->ArgName("endpoints")->Arg(100)->Arg(4000)->MinTime(0.3);
BENCHMARK(lookup_cold)->MinTime(1.0);
BENCHMARK(sent_when_full)->MinTime(1.0);
