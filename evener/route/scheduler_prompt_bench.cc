// What a request with a prompt of 4,000 tokens costs in the scheduler as in life: speeds have been learned, answers stream, the prefix index knows
// the conversations, and reports have come. One round is arrived(), first_token() and finished(), with 64 requests in flight.

#include <benchmark/benchmark.h>

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "evener/route/scheduler.h"

using namespace evener;
using namespace evener::route;
using namespace std::chrono_literals;

namespace {

constexpr std::size_t Running = 64;
constexpr std::size_t Conversations = 1000;
constexpr std::uint32_t PromptTokens = 4000, BlockTokens = 250, Blocks = PromptTokens / BlockTokens;
constexpr std::uint32_t OutputTokens = 200;

struct InFlight {
  Dispatch dispatch;
  std::size_t conversation = 0;
  Duration first_token{};
};

class Life {
 public:
  Life(PolicyKind kind, std::uint32_t endpoints) : scheduler_({.policy = kind}, 1), running_(Running) {
    for (std::uint32_t id = 1; id <= endpoints; ++id) scheduler_.put_endpoint(EndpointId{id}, {.weight = 0.5 + rng_.uniform() * 4}, now_);
    // All begin alike, and go on each in its own way.
    for (std::size_t i = 0; i < Conversations; ++i) {
      std::vector<std::uint64_t>& blocks = prompts_.emplace_back();
      for (std::uint32_t block = 0; block < Blocks; ++block) blocks.push_back(block < 2 ? splitmix64(block) : rng_.next());
    }
    report();
    for (std::size_t i = 0; i < 20 * (endpoints + Conversations); ++i) round();
    report();
  }

  void round() {
    now_ += 50us;
    InFlight& slot = running_[turn_ % Running];
    if (slot.dispatch.endpoint != EndpointId{}) {
      scheduler_.first_token(slot.dispatch.endpoint, slot.dispatch.share, slot.first_token, now_);
      const Outcome outcome{.ending = Ending::Ok,
                            .first_token = slot.first_token,
                            .total = slot.first_token + 2s,
                            .share = slot.dispatch.share,
                            .usage = TokenUsage{.prompt_tokens = PromptTokens,
                                                .output_tokens = OutputTokens,
                                                .cached_tokens = PromptTokens - slot.dispatch.share.uncached_tokens},
                            .blocks = prompts_[slot.conversation]};
      scheduler_.finished(slot.dispatch.endpoint, outcome, Scheduler::Attempt::First, now_);
    }
    slot.conversation = turn_++ * 7919 % Conversations;
    const Decision decision = scheduler_.arrived({.request = {.affinity_key = slot.conversation + 1,
                                                              .stream = true,
                                                              .prompt_tokens = PromptTokens,
                                                              .output_tokens = OutputTokens,
                                                              .blocks = prompts_[slot.conversation],
                                                              .block_tokens = BlockTokens}},
                                                 now_);
    slot.dispatch = std::get<Dispatch>(decision);
    const double tokens = static_cast<double>(slot.dispatch.share.ahead_tokens) + slot.dispatch.share.uncached_tokens;
    slot.first_token = 20ms + from_seconds(tokens * 1e-5 * (1 + static_cast<double>(slot.dispatch.endpoint) * 0.001));
  }

 private:
  void report() {
    for (std::uint32_t id = 1; scheduler_.knows(EndpointId{id}); ++id) {
      scheduler_.load_reported(EndpointId{id},
                               {.at = now_, .running = 2, .waiting = static_cast<double>(rng_.below(2)), .kv_used = rng_.uniform()}, now_);
    }
  }

  Scheduler scheduler_;
  Rng rng_{1};
  Instant now_ = Instant{} + 1s;
  std::vector<std::vector<std::uint64_t>> prompts_;
  std::vector<InFlight> running_;
  std::size_t turn_ = 0;
};

const bool registered = [] {
  for (const std::string_view name : policy_names()) {
    const PolicyKind kind = *policy_kind(name);
    if (kind == PolicyKind::Composed) continue;  // it has no parts here; blend is one
    benchmark::RegisterBenchmark(("prompt_of_4000/" + std::string(name)).c_str(),
                                 [kind](benchmark::State& state) {
                                   Life life(kind, static_cast<std::uint32_t>(state.range(0)));
                                   for (auto _ : state) life.round();
                                 })
        ->Arg(8)
        ->Arg(100)
        ->Arg(4000);
  }
  return true;
}();

}  // namespace
