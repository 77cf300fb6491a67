#include "evener/lab/workload.h"

#include <algorithm>
#include <cmath>

#include "evener/core/rng.h"

namespace evener::lab {

Workload workload_of(const Trace& trace) {
  Workload workload{.requests = {}, .block_ids = trace.block_ids, .block_tokens = trace.block_tokens};
  workload.requests.reserve(trace.requests.size());
  for (const TraceRequest& recorded : trace.requests) {
    workload.requests.push_back({.at = recorded.at,
                                 .input_tokens = std::max(recorded.input_tokens, 1U),
                                 .output_tokens = std::max(recorded.output_tokens, 1U),
                                 .first_block = recorded.first_block,
                                 .blocks = recorded.blocks});
  }
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
  } else if (block_tokens % recorded == 0) {
    const std::uint32_t parts = block_tokens / recorded;
    for (std::uint32_t last = parts - 1; last < ids.size(); last += parts) {
      if (last / parts >= full) return;
      out.push_back(ids[last]);
    }
  }
}

void set_objectives(Workload& workload, Duration first_token, Duration token) {
  for (WorkloadRequest& request : workload.requests) {
    request.first_token_objective = first_token;
    request.token_objective = token;
  }
}

void speed_up(Workload& workload, double factor) {
  for (WorkloadRequest& request : workload.requests) {
    if (request.previous_turn != WorkloadRequest::NoTurn) continue;
    request.at = Duration(std::llround(static_cast<double>(request.at.count()) / factor));
  }
}

}  // namespace evener::lab
