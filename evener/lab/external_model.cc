#include "evener/lab/external_model.h"

#include <algorithm>
#include <cmath>

#include "evener/core/portable_math.h"

namespace evener::lab {
namespace {

constexpr double Minute_s = 60;
constexpr double NormalP99 = 2.3263478740408408;  // 99 % of a standard normal lie below

double draw_log_normal(Rng& rng, double p50, double p99) {
  const double sigma = p99 > p50 ? portable::log(p99 / p50) / NormalP99 : 0;
  return p50 * portable::exp(sigma * rng.normal());
}

}  // namespace

ExternalModel::ExternalModel(const ExternalConfig& config, Rng rng)
    : config_(config),
      rng_(rng),
      requests_{.per_minute = config.requests_per_minute, .left = config.requests_per_minute},
      tokens_{.per_minute = config.tokens_per_minute, .left = config.tokens_per_minute} {}

std::optional<JobRefused> ExternalModel::submit(Job job, Instant now) {
  // What is longer than a whole minute's tokens goes when the bucket is full, or it would never go.
  const double tokens = std::min(double{1} * job.input_tokens + job.output_tokens, config_.tokens_per_minute);
  requests_.fill(now);
  tokens_.fill(now);
  const Duration wait = std::max(requests_.wait_for(1), tokens_.wait_for(tokens));
  if (wait > Duration::zero()) return JobRefused{.retry_after = wait};
  requests_.left -= 1;
  tokens_.left -= tokens;

  Rng draw = rng_.fork(job.id);
  const double first_s = draw_log_normal(draw, config_.first_token_p50_s, config_.first_token_p99_s) * slowdown_;
  const double token_s = draw_log_normal(draw, config_.token_p50_s, config_.token_p99_s) * slowdown_;
  const Duration first(std::llround(first_s * 1e9)), rest(std::llround(token_s * (std::max(job.output_tokens, 1U) - 1) * 1e9));
  milestones_.push(now + first, {.id = job.id, .first = true});
  milestones_.push(now + first + rest, {.id = job.id, .finished = true});
  busy_ += first + rest;
  return std::nullopt;
}

void ExternalModel::advance(Instant now, std::vector<JobNews>& out) {
  while (!milestones_.empty() && milestones_.top().at <= now) { out.push_back(milestones_.pop().what); }
}

std::optional<RateAllowance> ExternalModel::allowance(Instant now) {
  RateAllowance allowance;
  requests_.fill(now);
  tokens_.fill(now);
  tell(allowance.of(RateOf::Requests), requests_);
  tell(allowance.of(RateOf::Tokens), tokens_);
  return allowance.tells() ? std::optional(allowance) : std::nullopt;
}

void ExternalModel::tell(RateAllowance::Figures& figures, const Bucket& bucket) {
  if (bucket.per_minute <= 0) return;
  figures = {.limit = bucket.per_minute,
             .remaining = std::floor(bucket.left),
             .reset = bucket.wait_for(bucket.per_minute),
             .window = std::chrono::minutes(1),
             .gradual = true};
}

void ExternalModel::Bucket::fill(Instant now) {
  left = std::min(per_minute, left + per_minute * seconds(now - at) / Minute_s);
  at = now;
}

Duration ExternalModel::Bucket::wait_for(double amount) const {
  if (per_minute <= 0 || left >= amount) return Duration::zero();
  return Duration(std::llround(std::ceil((amount - left) * Minute_s / per_minute * 1e9)));
}

}  // namespace evener::lab
