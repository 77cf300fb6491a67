#include "evener/lab/workload.h"

#include <algorithm>
#include <cmath>
#include <unordered_map>
#include <utility>

#include "evener/core/rng.h"

namespace evener::lab {
namespace {

/// Makes later turns follow the answers that they followed when they were recorded.
void follow_answers(Workload& workload, const Trace& trace) {
  std::unordered_map<std::uint64_t, std::uint32_t> latest;  // turn of each session; looked up, never iterated
  for (std::uint32_t index = 0; index < trace.requests.size(); ++index) {
    const TraceRequest& recorded = trace.requests[index];
    if (recorded.session == 0) continue;
    const auto [found, first] = latest.try_emplace(recorded.session, index);
    if (first) continue;
    const TraceRequest& before = trace.requests[found->second];
    const Duration answered = before.at + before.took;
    if (before.took > Duration::zero() && recorded.at >= answered) {
      workload.requests[index].previous_turn = found->second;
      workload.requests[index].at = recorded.at - answered;
    }
    found->second = index;
  }
}

}  // namespace

Workload workload_of(const Trace& trace, Turns turns) {
  Workload workload{.requests = {}, .block_ids = trace.block_ids, .block_tokens = trace.block_tokens};
  workload.requests.reserve(trace.requests.size());
  for (const TraceRequest& recorded : trace.requests) {
    workload.requests.push_back({.at = recorded.at,
                                 .input_tokens = std::max(recorded.input_tokens, 1U),
                                 .output_tokens = std::max(recorded.output_tokens, 1U),
                                 .first_block = recorded.first_block,
                                 .blocks = recorded.blocks,
                                 .tenant = recorded.tenant,
                                 .session = recorded.session,
                                 .priority = recorded.priority,
                                 .first_token_objective = recorded.first_token_objective,
                                 .token_objective = recorded.token_objective});
  }
  if (turns == Turns::AfterAnswers) follow_answers(workload, trace);
  return workload;
}

void append_blocks(std::vector<std::uint64_t>& out, const Workload& workload, const WorkloadRequest& request, std::uint32_t block_tokens) {
  const std::uint32_t recorded = workload.block_tokens;
  if (recorded == 0 || block_tokens == 0) return;
  const std::span<const std::uint64_t> ids = workload.blocks(request);
  const std::uint32_t full = request.input_tokens / block_tokens;
  if (recorded % block_tokens == 0) {
    const std::uint32_t parts = recorded / block_tokens;
    for (std::uint32_t block = 0; block < full; ++block) {
      const std::uint32_t whole = block / parts, part = block % parts;
      if (whole >= ids.size()) return;
      out.push_back(parts == 1 ? ids[whole] : splitmix64(ids[whole] ^ splitmix64(part + 1)));
    }
    return;
  }
  for (std::uint32_t block = 0; block < full; ++block) {
    const std::uint64_t end = (std::uint64_t{block} + 1) * block_tokens;  // of the block, in tokens
    const std::uint64_t whole = (end - 1) / recorded;                     // the recorded block that its last token is in
    if (whole >= ids.size()) return;
    const std::uint64_t beyond = end - whole * recorded;
    out.push_back(beyond == recorded ? ids[whole] : splitmix64(ids[whole] ^ splitmix64(beyond)));
  }
}

void set_objectives(Workload& workload, Duration first_token, Duration token) {
  for (WorkloadRequest& request : workload.requests) {
    if (request.first_token_objective == Duration::zero()) request.first_token_objective = first_token;
    if (request.token_objective == Duration::zero()) request.token_objective = token;
  }
}

void keep_if(Workload& workload, const std::function<bool(const WorkloadRequest&, std::uint32_t)>& keeps) {
  std::vector<std::uint32_t> new_index(workload.requests.size(), WorkloadRequest::NoTurn);
  std::vector<WorkloadRequest> kept;
  for (std::uint32_t index = 0; index < workload.requests.size(); ++index) {
    WorkloadRequest request = workload.requests[index];
    const bool later = request.previous_turn != WorkloadRequest::NoTurn;
    if (later) request.previous_turn = new_index[request.previous_turn];
    if (later ? request.previous_turn == WorkloadRequest::NoTurn : !keeps(request, index)) continue;
    new_index[index] = static_cast<std::uint32_t>(kept.size());
    kept.push_back(request);
  }
  workload.requests = std::move(kept);
}

void keep_window(Workload& workload, Duration from, Duration length) {
  keep_if(workload, [&](const WorkloadRequest& request, std::uint32_t) { return request.at >= from && request.at - from < length; });
  for (WorkloadRequest& request : workload.requests) {
    if (request.previous_turn == WorkloadRequest::NoTurn) request.at -= from;
  }
}

void keep_first(Workload& workload, std::uint64_t count) {
  keep_if(workload, [&](const WorkloadRequest&, std::uint32_t) { return count > 0 && count-- > 0; });
}

void speed_up(Workload& workload, double factor) {
  for (WorkloadRequest& request : workload.requests) {
    if (request.previous_turn != WorkloadRequest::NoTurn) continue;
    request.at = Duration(std::llround(static_cast<double>(request.at.count()) / factor));
  }
}

}  // namespace evener::lab
