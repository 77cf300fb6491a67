#include "evener/lab/workloads.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace evener::lab {
namespace {

enum Stream : std::uint64_t {
  InputStream = 2,  // 1 and from 101 on are those of arrival_law.cc
  OutputStream,
  OrderStream,
  TurnStream,
  ThinkStream,
  ClassStream,
  TenantStream,
  SampleStream,
  CallStream,
};

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

/// What a request of a session waited for.
enum class Pause : std::uint8_t { None, Think, Tool };

const LengthLaw& added_law(const SessionLoad& load, Pause before) {
  switch (before) {
    case Pause::None: return load.first_input;
    case Pause::Tool: return load.tool_output;
    case Pause::Think: break;
  }
  return load.next_input;
}

enum Content : std::uint64_t { SystemContent = 1, QuestionContent, OwnContent, TurnContent, AnswerContent };

/// A request without a session is one of its own.
std::uint64_t session_of(const WorkloadRequest& request, std::uint64_t index) {
  return request.session == 0 ? splitmix64(index) : request.session;
}

template <class Assign>
void for_each_session(Workload& workload, Assign assign) {
  for (std::uint64_t index = 0; index < workload.requests.size(); ++index) {
    WorkloadRequest& request = workload.requests[index];
    assign(request, session_of(request, index));
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
    // One chain for the whole conversation: each request's prompt is a longer beginning of it.
    const auto first_block = static_cast<std::uint32_t>(workload.block_ids.size());
    std::uint32_t tokens = load.system_tokens;
    chain.begin();
    chain.append(content_of(SystemContent, 0), load.system_tokens);
    Pause pause = Pause::None;
    for (std::uint32_t number = 0; number < load.requests_max; ++number) {
      const auto draw = [&](Stream stream) { return rng.fork(stream).fork(session).fork(number); };
      Rng input = draw(InputStream), output = draw(OutputStream), more = draw(TurnStream), wait = draw(ThinkStream),
          calls = draw(CallStream);
      const std::uint32_t added = added_law(load, pause).draw(input);
      if (number > 0 && std::uint64_t{tokens} + added > SessionTokensMax) break;
      const std::uint32_t generated = load.output.draw(output);
      chain.append(content_of(TurnContent, session, number), added);
      tokens += added;
      const double wait_s = pause == Pause::Tool ? draw_gamma(wait, load.tool_s, load.tool_cv) : wait.exponential(load.think_s);
      workload.requests.push_back(
          {.at = pause == Pause::None ? at : Duration(std::llround(std::min(wait_s, PauseSecondsMax) * 1e9)),
           .input_tokens = tokens,
           .output_tokens = generated,
           .first_block = first_block,
           .blocks = static_cast<std::uint32_t>(workload.block_ids.size()) - first_block,
           .previous_turn = pause == Pause::None ? WorkloadRequest::NoTurn : static_cast<std::uint32_t>(workload.requests.size() - 1),
           .stage = stage,
           .session = splitmix64(session)});
      chain.append(content_of(AnswerContent, session, number), generated);
      tokens += generated;
      if (calls.uniform() * load.calls_mean >= 1) {
        pause = Pause::Tool;
      } else if (more.uniform() * load.turns_mean >= 1) {
        pause = Pause::Think;
      } else {
        break;
      }
    }
  }
  return workload;
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
  keep_if(workload, [&](const WorkloadRequest& request, std::uint32_t index) {
    Rng draw = rng.fork(session_of(request, index));
    return draw.uniform() < share;
  });
}

}  // namespace evener::lab
