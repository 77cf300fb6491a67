#include "evener/lab/request_views.h"

#include <algorithm>
#include <cmath>

#include "evener/core/portable_math.h"
#include "evener/lab/simulation_parts.h"

namespace evener::lab {
namespace {

constexpr double BytesPerToken = 4;

}  // namespace

std::vector<std::uint64_t>& RequestViews::take_buffer(std::uint32_t request) {
  std::uint32_t buffer = 0;
  if (unused_.empty()) {
    buffer = static_cast<std::uint32_t>(buffers_.size());
    buffers_.push_back(std::make_unique<std::vector<std::uint64_t>>());
  } else {
    buffer = unused_.back();
    unused_.pop_back();
  }
  buffer_of_[request] = buffer;
  buffers_[buffer]->clear();
  return *buffers_[buffer];
}

double RequestViews::estimated_prompt(std::uint32_t request) const {
  const double tokens = workload_.requests[request].input_tokens;
  if (scenario_.prompt_error <= 0) return tokens;
  Rng draw = rng_.fork(PromptErrorStream).fork(request);
  return std::clamp(std::round(tokens * portable::exp(scenario_.prompt_error * draw.normal())), 1.0, 4e9);
}

route::RequestView RequestViews::open(std::uint32_t index) {
  const WorkloadRequest& request = workload_.requests[index];
  std::vector<std::uint64_t>& blocks = take_buffer(index);
  append_blocks(blocks, workload_, request, scenario_.content_block_tokens);
  const double prompt_tokens = estimated_prompt(index);
  return {.affinity_key = request.session,
          .prompt_bytes = static_cast<std::uint32_t>(std::min(prompt_tokens * BytesPerToken, 4e9)),
          .stream = true,
          .priority = request.priority,
          .tenant = request.tenant,
          .prompt_tokens = static_cast<std::uint32_t>(prompt_tokens),
          .output_tokens = expected_output(),
          .first_token_objective = request.first_token_objective,
          .token_objective = request.token_objective,
          .blocks = blocks,
          .block_tokens = scenario_.content_block_tokens};
}

}  // namespace evener::lab
