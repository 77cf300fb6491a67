#include "evener/lab/workloads.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace evener::lab {
namespace {

enum Stream : std::uint64_t {
  ArrivalStream = 1,
  InputStream,
  OutputStream,
  OrderStream,
  TurnStream,
  ThinkStream,
  ClassStream,
  TenantStream,
  SampleStream
};

struct ArrivalTime {
  Duration at{};
  std::uint32_t stage = 0;
};

std::vector<ArrivalTime> arrival_times(const ArrivalLaw& law, const Rng& rng) {
  std::vector<ArrivalTime> times;
  for (std::uint32_t stage = 0; stage < law.stages.size(); ++stage) {
    const auto [rate_per_s, duration_s] = law.stages[stage];
    const Rng draws = rng.fork(ArrivalStream).fork(stage);
    double at_s = 0;
    for (std::uint64_t index = 0;; ++index) {
      Rng draw = draws.fork(index);
      at_s += draw_gamma(draw, 1 / rate_per_s, law.cv);
      if (!(at_s < duration_s)) break;
      times.push_back({.at = Duration(std::llround(at_s * 1e9)), .stage = stage});
    }
  }
  return times;
}

/// A chain of block ids; equal after equal beginnings, and nowhere else.
class BlockChain {
 public:
  explicit BlockChain(std::vector<std::uint64_t>& ids) : ids_(ids) {}
  /// Starts anew.
  void begin() {
    head_ = 0;
    tokens_ = 0;
  }
  /// `content` says what the tokens are: equal numbers mean equal tokens.
  void append(std::uint64_t content, std::uint32_t tokens) {
    // A block that begins in one piece and ends in another holds both; its id comes from the later one, chained to all before.
    const std::uint64_t full_before = tokens_ / MadeBlockTokens;
    tokens_ += tokens;
    for (std::uint64_t block = full_before; block < tokens_ / MadeBlockTokens; ++block) {
      head_ = splitmix64(head_ ^ splitmix64(content));
      ids_.push_back(head_);
    }
    // What is left over tells this chain from others, too.
    if (tokens_ % MadeBlockTokens != 0) head_ = splitmix64(head_ ^ splitmix64(content ^ tokens_));
  }

 private:
  std::vector<std::uint64_t>& ids_;
  std::uint64_t head_ = 0, tokens_ = 0;
};

std::uint64_t content_of(std::uint64_t kind, std::uint64_t a, std::uint64_t b = 0) {
  return splitmix64(kind ^ splitmix64(a ^ splitmix64(b)));
}

enum Content : std::uint64_t { SystemContent = 1, QuestionContent, OwnContent, TurnContent, AnswerContent };

template <class Assign>
void for_each_session(Workload& workload, Assign assign) {
  for (std::uint64_t index = 0; index < workload.requests.size(); ++index) {
    WorkloadRequest& request = workload.requests[index];
    assign(request, request.session == 0 ? splitmix64(index) : request.session);
  }
}

std::size_t draw_index(Rng& rng, std::span<const double> shares) {
  double sum = 0;
  for (const double share : shares) sum += share;
  double left = rng.uniform() * sum;
  for (std::size_t i = 0; i + 1 < shares.size(); ++i) {
    if (left < shares[i]) return i;
    left -= shares[i];
  }
  return shares.size() - 1;
}

// Rates and durations of the published runs; the first stage warms the caches up.
Workload shared_prefix_73(double rate_factor, std::uint64_t seed) {
  SharedPrefixLoad load{.arrivals = {.stages = {{15, 50},
                                                {3, 20},
                                                {10, 20},
                                                {15, 20},
                                                {20, 38},
                                                {22, 34},
                                                {25, 30},
                                                {30, 25},
                                                {35, 21},
                                                {40, 38},
                                                {43, 36},
                                                {46, 33},
                                                {49, 30},
                                                {52, 29},
                                                {55, 27},
                                                {57, 26},
                                                {60, 25}}}};
  for (Stage& stage : load.arrivals.stages) stage.rate_per_s *= rate_factor;
  return shared_prefix_load(load, seed);
}

Workload shared_prefix_37(double rate_factor, std::uint64_t seed) {
  SharedPrefixLoad load{
      .arrivals = {.stages = {{9, 30}, {3, 210}, {4, 180}, {5, 120}, {6, 120}, {8, 90}, {10, 70}, {12, 60}, {15, 50}, {20, 50}}, .cv = 0},
      .groups = 83,
      .questions = 3,
      .system_tokens = 8000,
      .question_tokens = 1000};
  for (Stage& stage : load.arrivals.stages) stage.rate_per_s *= rate_factor;
  return shared_prefix_load(load, seed);
}

Workload interactive_chat(double rate_factor, std::uint64_t seed) {
  return session_load({.arrivals = {.stages = {{4 * rate_factor, 600}}},
                       .turns_mean = 4,
                       .system_tokens = 1000,
                       .first_input = {.shape = LengthLaw::Shape::LogNormal, .mean = 3000, .spread = 1, .max = 60'000},
                       .next_input = {.shape = LengthLaw::Shape::LogNormal, .mean = 700, .spread = 1, .max = 20'000},
                       .output = {.shape = LengthLaw::Shape::Exponential, .mean = 300, .max = 4000},
                       .think_s = 45},
                      seed);
}

Workload agents(double rate_factor, std::uint64_t seed) {
  return session_load({.arrivals = {.stages = {{0.25 * rate_factor, 900}}},
                       .turns_mean = 22,
                       .turns_max = 100,
                       .system_tokens = 12'000,
                       .first_input = {.shape = LengthLaw::Shape::LogNormal, .mean = 6000, .spread = 1, .max = 60'000},
                       .next_input = {.shape = LengthLaw::Shape::LogNormal, .mean = 1500, .spread = 1.5, .max = 20'000},
                       .output = {.shape = LengthLaw::Shape::LogNormal, .mean = 350, .spread = 1.2, .max = 8000},
                       .think_s = 6},
                      seed);
}

Workload reasoning(double rate_factor, std::uint64_t seed) {
  return independent_load({.arrivals = {.stages = {{2 * rate_factor, 900}}},
                           .input = {.shape = LengthLaw::Shape::LogNormal, .mean = 1000, .spread = 1, .max = 32'000},
                           .output = {.shape = LengthLaw::Shape::Exponential, .mean = 3000, .max = 24'000}},
                          seed);
}

Workload bursts(double rate_factor, std::uint64_t seed) {
  return independent_load({.arrivals = {.stages = {{8 * rate_factor, 900}}, .cv = 4},
                           .input = {.shape = LengthLaw::Shape::LogNormal, .mean = 2000, .spread = 1.5, .max = 60'000},
                           .output = {.shape = LengthLaw::Shape::Exponential, .mean = 150, .max = 4000}},
                          seed);
}

constexpr std::array Loads{
    NamedLoad{"shared-prefix-73",
              "150 system prompts of 6,000 tokens with 5 questions each, 3 to 60 requests/s in stages (llm-d, 73 % of 8 caches)",
              &shared_prefix_73},
    NamedLoad{"shared-prefix-37", "83 system prompts of 8,000 tokens with 3 questions each, 3 to 20 requests/s in stages (llm-d)",
              &shared_prefix_37},
    NamedLoad{"chat", "conversations of 4 turns with 45 s between them, 4 new ones per second", &interactive_chat},
    NamedLoad{"agents", "agents of 22 turns with tool calls of 6 s between them over a common prompt of 12,000 tokens, one new every 4 s",
              &agents},
    NamedLoad{"reasoning", "short prompts with answers of 3,000 tokens, 2 requests/s", &reasoning},
    NamedLoad{"bursts", "requests without anything in common, 8 per second in bursts (coefficient of variation 4)", &bursts},
};

}  // namespace

Workload independent_load(const IndependentLoad& load, std::uint64_t seed) {
  const Rng rng(seed);
  Workload workload;
  std::uint64_t index = 0;
  for (const auto [at, stage] : arrival_times(load.arrivals, rng)) {
    Rng input = rng.fork(InputStream).fork(index), output = rng.fork(OutputStream).fork(index);
    workload.requests.push_back(
        {.at = at, .input_tokens = load.input.draw(input), .output_tokens = load.output.draw(output), .stage = stage});
    ++index;
  }
  return workload;
}

Workload shared_prefix_load(const SharedPrefixLoad& load, std::uint64_t seed) {
  const Rng rng(seed);
  Workload workload{.block_tokens = MadeBlockTokens};
  const std::uint32_t prompts = load.groups * load.questions;
  std::vector<std::uint32_t> begins, order;
  BlockChain chain(workload.block_ids);
  for (std::uint32_t prompt = 0; prompt < prompts; ++prompt) {
    begins.push_back(static_cast<std::uint32_t>(workload.block_ids.size()));
    order.push_back(prompt);
    chain.begin();
    chain.append(content_of(SystemContent, prompt / load.questions), load.system_tokens);
    chain.append(content_of(QuestionContent, prompt), load.question_tokens);
  }
  begins.push_back(static_cast<std::uint32_t>(workload.block_ids.size()));
  std::size_t index = 0;
  for (const auto [at, stage] : arrival_times(load.arrivals, rng)) {
    if (index % prompts == 0) {
      Rng draw = rng.fork(OrderStream).fork(index / prompts);
      for (std::size_t left = order.size(); left > 1; --left) std::swap(order[left - 1], order[draw.below(left)]);
    }
    const std::uint32_t prompt = order[index % prompts];
    workload.requests.push_back({.at = at,
                                 .input_tokens = load.system_tokens + load.question_tokens,
                                 .output_tokens = load.output_tokens,
                                 .first_block = begins[prompt],
                                 .blocks = begins[prompt + 1] - begins[prompt],
                                 .stage = stage});
    ++index;
  }
  return workload;
}

Workload session_load(const SessionLoad& load, std::uint64_t seed) {
  const Rng rng(seed);
  Workload workload{.block_tokens = MadeBlockTokens};
  BlockChain chain(workload.block_ids);
  std::uint64_t session = 0;
  for (const auto [at, stage] : arrival_times(load.arrivals, rng)) {
    ++session;
    const auto draw = [&](Stream stream, std::uint32_t turn) { return rng.fork(stream).fork(session).fork(turn); };
    // One chain for the whole conversation: each turn's prompt is a longer beginning of it.
    const auto first_block = static_cast<std::uint32_t>(workload.block_ids.size());
    std::uint32_t tokens = load.system_tokens;
    chain.begin();
    chain.append(content_of(SystemContent, 0), load.system_tokens);
    for (std::uint32_t turn = 0; turn < load.turns_max; ++turn) {
      Rng input = draw(InputStream, turn), output = draw(OutputStream, turn), more = draw(TurnStream, turn),
          think = draw(ThinkStream, turn);
      const std::uint32_t added = (turn == 0 ? load.first_input : load.next_input).draw(input);
      const std::uint32_t generated = load.output.draw(output);
      chain.append(content_of(TurnContent, session, turn), added);
      tokens += added;
      workload.requests.push_back(
          {.at = turn == 0 ? at : Duration(std::llround(think.exponential(load.think_s) * 1e9)),
           .input_tokens = tokens,
           .output_tokens = generated,
           .first_block = first_block,
           .blocks = static_cast<std::uint32_t>(workload.block_ids.size()) - first_block,
           .previous_turn = turn == 0 ? WorkloadRequest::NoTurn : static_cast<std::uint32_t>(workload.requests.size() - 1),
           .stage = stage,
           .session = splitmix64(session)});
      chain.append(content_of(AnswerContent, session, turn), generated);
      tokens += generated;
      if (more.uniform() * load.turns_mean < 1) break;
    }
  }
  return workload;
}

std::span<const NamedLoad> named_loads() { return Loads; }

const NamedLoad* find_named_load(std::string_view name) {
  const auto found = std::find_if(Loads.begin(), Loads.end(), [&](const NamedLoad& load) { return load.name == name; });
  return found == Loads.end() ? nullptr : &*found;
}

void mix_classes(Workload& workload, const ClassMix& mix, std::uint64_t seed) {
  const Rng rng = Rng(seed).fork(ClassStream);
  for_each_session(workload, [&](WorkloadRequest& request, std::uint64_t session) {
    Rng draw = rng.fork(session);
    const std::size_t chosen = draw_index(draw, mix.shares);
    request.priority = static_cast<route::Priority>(chosen);
    if (mix.first_token_objectives[chosen] > Duration::zero()) request.first_token_objective = mix.first_token_objectives[chosen];
    if (mix.token_objectives[chosen] > Duration::zero()) request.token_objective = mix.token_objectives[chosen];
  });
}

void mix_tenants(Workload& workload, std::span<const double> shares, std::uint64_t seed) {
  if (shares.empty()) return;
  const Rng rng = Rng(seed).fork(TenantStream);
  for_each_session(workload, [&](WorkloadRequest& request, std::uint64_t session) {
    Rng draw = rng.fork(session);
    request.tenant = draw_index(draw, shares) + 1;
  });
}

void subsample(Workload& workload, double share, std::uint64_t seed) {
  const Rng rng = Rng(seed).fork(SampleStream);
  std::vector<std::uint32_t> new_index(workload.requests.size(), WorkloadRequest::NoTurn);
  std::vector<WorkloadRequest> kept;
  std::uint32_t index = 0;
  for_each_session(workload, [&](WorkloadRequest& request, std::uint64_t session) {
    Rng draw = rng.fork(session);
    if (draw.uniform() < share) {
      new_index[index] = static_cast<std::uint32_t>(kept.size());
      kept.push_back(request);
      // All turns of a session are kept or none, so the turn before is there.
      if (request.previous_turn != WorkloadRequest::NoTurn) kept.back().previous_turn = new_index[request.previous_turn];
    }
    ++index;
  });
  workload.requests = std::move(kept);
}

}  // namespace evener::lab
