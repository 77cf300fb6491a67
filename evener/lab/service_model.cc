#include "evener/lab/service_model.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace evener::lab {

std::optional<JobRefused> ServiceModel::submit(Job job, Instant now) {
  if (queue_.size() >= config_.queue_max) return JobRefused{};
  queue_.push_back({.job = std::move(job), .since = now});
  begin_batches(now);
  return std::nullopt;
}

Instant ServiceModel::due() const {
  Instant due = batches_.empty() ? Instant::max() : batches_.top().at;
  if (!queue_.empty() && batches_.size() < config_.workers) due = std::min(due, queue_.front().since + config_.batch_wait);
  return due;
}

void ServiceModel::advance(Instant now, std::vector<JobNews>& out) {
  while (!batches_.empty() && batches_.top().at <= now) {
    const auto batch = batches_.pop();
    running_ -= static_cast<std::uint32_t>(batch.what.size());
    for (const std::uint64_t id : batch.what) out.push_back({.id = id, .first = true, .finished = true});
    begin_batches(batch.at);
  }
  begin_batches(now);
}

void ServiceModel::set_slowdown(double factor, Instant) { slowdown_ = factor; }

route::LoadReport ServiceModel::report(Instant) {
  return {.running = running_,
          .waiting = static_cast<double>(queue_.size()),
          .requests_max = static_cast<double>(config_.workers) * config_.batch_max};
}

bool ServiceModel::batch_ready(Instant now) const {
  if (queue_.empty() || batches_.size() >= config_.workers) return false;
  return queue_.size() >= config_.batch_max || now >= queue_.front().since + config_.batch_wait;
}

void ServiceModel::begin_batches(Instant now) {
  while (batch_ready(now)) {
    Batch batch;
    double service_s = config_.base_s;
    while (!queue_.empty() && batch.size() < config_.batch_max) {
      const Job& job = queue_.front().job;
      service_s += config_.item_s + config_.input_token_s * job.input_tokens + config_.output_token_s * job.output_tokens;
      batch.push_back(job.id);
      queue_.pop_front();
    }
    if (config_.spread == ServiceConfig::Spread::Exponential) service_s = rng_.fork(batch.front()).exponential(service_s);
    const Duration service(std::llround(service_s * slowdown_ * 1e9));
    busy_ += service;
    running_ += static_cast<std::uint32_t>(batch.size());
    batches_.push(now + service, std::move(batch));
  }
}

}  // namespace evener::lab
