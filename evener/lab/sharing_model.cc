#include "evener/lab/sharing_model.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace evener::lab {

std::optional<JobRefused> SharingModel::submit(Job job, Instant now) {
  if (queue_.size() >= config_.queue_max) return JobRefused{};
  serve(now);
  queue_.push_back(std::move(job));
  begin_waiting();
  return std::nullopt;
}

Instant SharingModel::due() const {
  if (milestones_.empty()) return Instant::max();
  const double needed_s = seconds(milestones_.top().at - served_);
  // Rounded up: at that time the milestone is reached, whatever the rounding of serve() does.
  return at_ + Duration(std::llround(std::ceil(needed_s / rate() * 1e9)));
}

void SharingModel::advance(Instant now, std::vector<JobNews>& out) {
  while (due() <= now) {
    const Instant reached = due();
    serve(reached);
    served_ = std::max(served_, milestones_.top().at);
    while (!milestones_.empty() && milestones_.top().at <= served_) {
      const JobNews news = milestones_.pop().what;
      if (news.finished) --running_;
      out.push_back(news);
    }
    begin_waiting();
  }
  serve(now);
}

void SharingModel::set_slowdown(double factor, Instant now) {
  serve(now);
  slowdown_ = factor;
}

route::LoadReport SharingModel::report(Instant) {
  return {.running = running_,
          .waiting = static_cast<double>(queue_.size()),
          .utilization = std::min(1.0, running_ / config_.cores),
          .requests_max = config_.slots};
}

/// Of one core's speed that each running request has.
double SharingModel::rate() const { return std::min(1.0, config_.cores / std::max(running_, 1U)) / slowdown_; }

void SharingModel::serve(Instant now) {
  if (running_ > 0) {
    const double elapsed_s = seconds(now - at_);
    served_ += Duration(std::llround(elapsed_s * rate() * 1e9));
    busy_ += Duration(std::llround(elapsed_s * std::min<double>(running_, config_.cores) * 1e9));
  }
  at_ = now;
}

void SharingModel::begin_waiting() {
  for (; !queue_.empty() && running_ < config_.slots; ++running_) {
    const Job job = queue_.front();
    queue_.pop_front();
    const double first_s = config_.base_s + config_.input_token_s * job.input_tokens;
    const double total_s = first_s + config_.output_token_s * job.output_tokens;
    milestones_.push(served_ + from_seconds(first_s), {.id = job.id, .first = true});
    milestones_.push(served_ + from_seconds(total_s), {.id = job.id, .finished = true});
  }
}

}  // namespace evener::lab
