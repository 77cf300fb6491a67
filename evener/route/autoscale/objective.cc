#include "evener/route/autoscale/objective.h"

#include <algorithm>

namespace evener::route::autoscale {
namespace {

// First token = base + prefill + the wait of an M/D/1 queue, prefill * load / (2 * (1 - load)); solved for the load.
double rate_by_first_token(const SpeedView& speed, double prompt_tokens, double first_token_s) {
  const double prefill_s = speed.prefill_s_per_token * prompt_tokens;
  const double spare_s = first_token_s - speed.base_s - prefill_s;
  if (spare_s < 0) return 0;
  if (prefill_s <= 0) return 1e9;
  return 2 * spare_s / (prefill_s + 2 * spare_s) / prefill_s;
}

// The most that may be in flight for the time between tokens; by Little's law, over the time that a request then takes.
double rate_by_token(const SpeedView& speed, double prompt_tokens, double output_tokens, double token_s) {
  const double in_flight = speed.step_s_per_request > 0 ? (token_s - speed.step_s) / speed.step_s_per_request
                           : token_s >= speed.step_s    ? 1e6
                                                        : 0;
  if (in_flight < 1) return 0;
  const double request_s = speed.base_s + speed.prefill_s_per_token * prompt_tokens + output_tokens * token_s;
  return request_s > 0 ? in_flight / request_s : 1e9;
}

}  // namespace

double rate_within(const SpeedView& speed, double prompt_tokens, double output_tokens, double first_token_s, double token_s) {
  return std::min(rate_by_first_token(speed, prompt_tokens, first_token_s), rate_by_token(speed, prompt_tokens, output_tokens, token_s));
}

std::optional<Proposal> Objective::propose(const Reading& reading) {
  const double load = arrivals_.add(reading.now, reading.arrivals_per_s);
  if (!reading.speed.first_token_known() || !reading.speed.token_known() || reading.prompt_tokens <= 0) return std::nullopt;
  const double rate = settings_.share *
                      rate_within(reading.speed, reading.prompt_tokens, reading.output_tokens, settings_.first_token_s, settings_.token_s);
  if (rate <= 0) return std::nullopt;
  return Proposal{.replicas = count_.update(load, rate), .load = load, .per_replica = rate};
}

}  // namespace evener::route::autoscale
