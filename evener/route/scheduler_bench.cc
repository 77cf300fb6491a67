// What a request costs in the scheduler: arrived() and finished() together, by policy and number of endpoints.

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

constexpr std::size_t Running = 64;  // requests in flight at any time

struct Shape {
  std::uint32_t capacity = 0;
  bool models = false;
};

void request_life(benchmark::State& state, PolicyKind kind, Shape shape) {
  Scheduler scheduler({.policy = kind}, 1);
  Rng rng(1);
  Instant now = Instant{} + 1s;
  const auto endpoints = static_cast<std::uint32_t>(state.range(0));
  for (std::uint32_t id = 1; id <= endpoints; ++id) {
    EndpointSettings settings{.weight = 0.5 + rng.uniform() * 4, .capacity = shape.capacity};
    if (shape.models) settings.models = {11, 22, 33};
    scheduler.put_endpoint(EndpointId{id}, settings, now);
  }

  std::vector<EndpointId> running(Running, EndpointId{0});
  std::size_t turn = 0;
  const Outcome outcome{.ending = Ending::Ok, .first_token = 200ms, .total = 900ms};
  for (auto _ : state) {
    now += 2us;
    EndpointId& slot = running[turn % Running];
    if (slot != EndpointId{0}) scheduler.finished(slot, outcome, Scheduler::Attempt::First, now);
    const Decision decision = scheduler.arrived({.request = {.affinity_key = 1 + turn % 10007, .model = shape.models ? 22u : 0u}}, now);
    const auto* dispatch = std::get_if<Dispatch>(&decision);
    slot = dispatch != nullptr ? dispatch->endpoint : EndpointId{0};
    ++turn;
  }
}

/// Half of the endpoints are at their capacity, so every request makes its own list of candidates.
void request_life_half_full(benchmark::State& state, PolicyKind kind) {
  Scheduler scheduler({.policy = kind}, 1);
  Instant now = Instant{} + 1s;
  const auto endpoints = static_cast<std::uint32_t>(state.range(0));
  for (std::uint32_t id = 1; id <= endpoints / 2; ++id) scheduler.put_endpoint(EndpointId{id}, {.capacity = 1}, now);
  for (std::uint32_t id = 1; id <= endpoints / 2; ++id) (void)scheduler.arrived({}, now);
  for (std::uint32_t id = endpoints / 2 + 1; id <= endpoints; ++id) scheduler.put_endpoint(EndpointId{id}, {}, now);
  std::uint64_t key = 0;
  for (auto _ : state) {
    now += 2us;
    const Decision decision = scheduler.arrived({.request = {.affinity_key = 1 + ++key % 10007}}, now);
    scheduler.finished(std::get<Dispatch>(decision).endpoint, {.first_token = 200ms, .total = 900ms}, Scheduler::Attempt::First, now);
  }
}

class KeepOne final : public Explainer {
 public:
  Explanation* explanation_of(std::uint64_t) override { return &kept_; }

 private:
  Explanation kept_;
};

/// A prompt of 4,000 tokens that some endpoints hold, with the decision explained or not.
void request_of_prompt(benchmark::State& state, PolicyKind kind, std::uint64_t cookie) {
  Scheduler scheduler({.policy = kind}, 1);
  KeepOne keep;
  scheduler.explain_to(&keep);
  Instant now = Instant{} + 1s;
  for (std::uint32_t id = 1; id <= static_cast<std::uint32_t>(state.range(0)); ++id) scheduler.put_endpoint(EndpointId{id}, {}, now);
  std::vector<std::uint64_t> blocks(16);
  std::uint64_t turn = 0;
  for (auto _ : state) {
    now += 2us;
    ++turn;
    for (std::size_t i = 0; i < blocks.size(); ++i) blocks[i] = (turn % 97 + 1) * 1000 + i;
    const RequestView request{
        .affinity_key = 1 + turn % 10007, .prompt_tokens = 4000, .output_tokens = 200, .blocks = blocks, .block_tokens = 250};
    const Decision decision = scheduler.arrived({.request = request, .cookie = cookie}, now);
    const auto& dispatch = std::get<Dispatch>(decision);
    scheduler.finished(dispatch.endpoint, {.first_token = 200ms, .total = 900ms, .share = dispatch.share}, Scheduler::Attempt::First, now);
  }
}

/// A full queue of 1,024 requests, one of which goes each time.
void release_one(benchmark::State& state) {
  Scheduler scheduler({.queue = {.requests_max = 1024, .wait_max = 1000s}}, 1);
  Instant now = Instant{} + 1s;
  scheduler.put_endpoint(EndpointId{1}, {.capacity = 1}, now);
  for (int i = 0; i < 1025; ++i) (void)scheduler.arrived({}, now);
  std::vector<Released> released;
  for (auto _ : state) {
    now += 2us;
    scheduler.finished(EndpointId{1}, {}, Scheduler::Attempt::First, now);
    released.clear();
    scheduler.release(released, now);
    (void)scheduler.arrived({}, now);
  }
}

const bool registered = [] {
  for (std::string_view name : policy_names()) {
    const PolicyKind kind = *policy_kind(name);
    const auto add = [&](const char* what, auto run) {
      benchmark::RegisterBenchmark((std::string(what) + "/" + std::string(name)).c_str(), run)->Arg(8)->Arg(100)->Arg(4000);
    };
    add("request", [kind](benchmark::State& state) { request_life(state, kind, {}); });
    add("request_models", [kind](benchmark::State& state) { request_life(state, kind, {.models = true}); });
    add("request_half_full", [kind](benchmark::State& state) { request_life_half_full(state, kind); });
    add("prompt", [kind](benchmark::State& state) { request_of_prompt(state, kind, 0); });
    add("prompt_explained", [kind](benchmark::State& state) { request_of_prompt(state, kind, 1); });
  }
  benchmark::RegisterBenchmark("release_one", release_one);
  return true;
}();

}  // namespace
