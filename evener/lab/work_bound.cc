#include "evener/lab/work_bound.h"

#include <algorithm>
#include <cmath>
#include <vector>

namespace evener::lab {
namespace {

/// Tokens of prompt blocks that no other request has.
std::vector<double> own_prompt_tokens(const Workload& workload) {
  std::vector<std::uint64_t> ids = workload.block_ids;
  std::sort(ids.begin(), ids.end());
  const auto shared = [&](std::uint64_t id) {
    const auto [first, last] = std::equal_range(ids.begin(), ids.end(), id);
    return last - first > 1;
  };
  std::vector<double> tokens;
  for (const WorkloadRequest& request : workload.requests) {
    const auto blocks = workload.blocks(request);
    const auto found = static_cast<double>(std::count_if(blocks.begin(), blocks.end(), shared)) * workload.block_tokens;
    tokens.push_back(std::max(1.0, request.input_tokens - found));
  }
  return tokens;
}

double sum_of_least(std::vector<double> values, double share) {
  std::sort(values.begin(), values.end());
  double sum = 0;
  const auto count = static_cast<std::size_t>(std::floor(share * static_cast<double>(values.size())));
  for (std::size_t i = 0; i < count; ++i) sum += values[i];
  return sum;
}

}  // namespace

WorkNeeded work_needed(const Workload& workload, double good_share) {
  WorkNeeded needed;
  std::vector<double> output;
  Duration end{};
  for (const WorkloadRequest& request : workload.requests) {
    const bool timed = request.first_token_objective > Duration::zero() && request.token_objective > Duration::zero();
    if (!timed || request.stage != 0 || request.previous_turn != WorkloadRequest::NoTurn) return needed;
    end = std::max(end, request.at + request.first_token_objective + request.token_objective * std::int64_t{request.output_tokens});
    output.push_back(request.output_tokens);
  }
  needed.tokens = {sum_of_least(own_prompt_tokens(workload), good_share), sum_of_least(std::move(output), good_share)};
  needed.time_s = seconds(end);
  return needed;
}

std::array<double, WorkMeasures> part_max(const SimulatedEndpoint& replica, const WorkNeeded& needed) {
  std::array<double, WorkMeasures> parts = {1, 1};
  const auto* engine = std::get_if<EngineConfig>(&replica.engine);
  if (engine == nullptr || needed.time_s <= 0) return parts;
  // A token costs least in the fullest step, because what a step costs apart from its tokens is shared by most of them.
  const std::uint64_t chunk = engine->batch_tokens_max, batch = std::min(engine->batch_sequences_max, engine->batch_tokens_max);
  const std::array<double, WorkMeasures> token_s = {
      step_seconds(engine->step, {.prefill_tokens = chunk}) / static_cast<double>(chunk),
      step_seconds(engine->step, {.decode_tokens = batch, .emitting = batch}) / static_cast<double>(batch)};
  const bool slow_throughout = replica.slows_at <= Duration::zero() && replica.recovers_at == Duration::max();
  const double slowdown = slow_throughout ? replica.slowdown : std::min(replica.slowdown, 1.0);
  for (std::size_t i = 0; i < WorkMeasures; ++i) {
    const double work_s = needed.tokens[i] * token_s[i] * slowdown;
    parts[i] = work_s > needed.time_s ? needed.time_s / work_s : 1;
  }
  return parts;
}

}  // namespace evener::lab
