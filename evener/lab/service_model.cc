#include "evener/lab/service_model.h"

#include <cmath>

namespace evener::lab {

bool ServiceModel::submit(std::uint64_t id, std::uint32_t input_tokens, std::uint32_t output_tokens) {
  if (queue_.size() >= config_.queue_max) return false;
  double service_s = config_.base_s + config_.input_token_s * input_tokens + config_.output_token_s * output_tokens;
  if (config_.spread == ServiceConfig::Spread::Exponential) service_s = rng_.fork(id).exponential(service_s);
  queue_.push_back({.id = id, .service = Duration(std::llround(service_s * 1e9))});
  return true;
}

std::optional<ServiceModel::Job> ServiceModel::begin() {
  if (queue_.empty() || busy_ >= config_.workers) return std::nullopt;
  const Job job = queue_.front();
  queue_.pop_front();
  ++busy_;
  return job;
}

}  // namespace evener::lab
