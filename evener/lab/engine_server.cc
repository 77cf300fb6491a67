#include "evener/lab/engine_server.h"

#include <cmath>
#include <utility>

namespace evener::lab {
namespace {

Duration scaled(Duration duration, double factor) {
  return factor == 1 ? duration : Duration(std::llround(static_cast<double>(duration.count()) * factor));
}

}  // namespace

std::optional<JobRefused> EngineServer::submit(Job job, Instant now) {
  end_quiet_early(now);
  const Submitted submitted = model_.submit(
      {.id = job.id, .prompt_tokens = job.input_tokens, .output_tokens = job.output_tokens, .block_hashes = std::move(job.block_hashes)});
  if (submitted != Submitted::Queued) return JobRefused{};
  if (!working()) begin_step(now);
  return std::nullopt;
}

void EngineServer::cancel(std::uint64_t id, Instant now) {
  end_quiet_early(now);
  model_.cancel(id);
}

void EngineServer::advance(Instant now, std::vector<JobNews>& out) {
  if (end_ > now) return;
  end_ = Instant::max();
  if (step_ == nullptr) {
    if (quiet_left() > 0) model_.take_quiet_steps(quiet_left());
    forget_quiet();
    return;
  }
  for (const Emission& emission : std::exchange(step_, nullptr)->emissions) {
    if (!emission.first && !emission.finished) continue;
    out.push_back({.id = emission.id, .first = emission.first, .finished = emission.finished, .cached_tokens = emission.cached_tokens});
  }
}

void EngineServer::resume(Instant now) {
  if (!working() && !model_.idle()) begin_step(now);
}

void EngineServer::set_slowdown(double factor, Instant now) {
  end_quiet_early(now);
  slowdown_ = factor;
}

route::LoadReport EngineServer::report(Instant now) {
  catch_up(now);
  const EngineGauges gauges = model_.gauges();
  const EngineConfig& config = model_.config();
  const EngineTotals& totals = model_.totals();
  route::LoadReport report{.running = gauges.running,
                           .waiting = gauges.waiting,
                           .kv_used = gauges.kv_used,
                           .kv_capacity_tokens = static_cast<double>(std::uint64_t{config.kv_blocks} * config.kv_block_tokens),
                           .requests_max = config.batch_sequences_max};
  if (totals.prefix_query_tokens > 0) {
    report.prefix_hit_share = static_cast<double>(totals.prefix_hit_tokens) / static_cast<double>(totals.prefix_query_tokens);
  }
  return report;
}

void EngineServer::begin_step(Instant now) {
  const std::uint32_t quiet = steps_at_once_ > 1 ? model_.quiet_steps(steps_at_once_) : 0;
  Duration duration{};
  if (quiet > 0) {
    StepWork work = model_.quiet_work();
    for (std::uint32_t i = 0; i < quiet; ++i) {
      const double step_s = step_seconds(model_.config().step, work);
      quiet_.push_back(scaled(Duration(std::llround(step_s * 1e9)), slowdown_));
      duration += quiet_.back();
      work.context_tokens += work.emitting;
    }
    quiet_begin_ = now;
  } else {
    step_ = &model_.step();
    duration = scaled(step_->duration, slowdown_);
  }
  busy_ += duration;
  end_ = now + duration;
}

void EngineServer::forget_quiet() {
  quiet_.clear();
  quiet_taken_ = 0;
}

/// Has the model take the quiet steps that have begun, so that it stands as if it had been stepped one by one.
void EngineServer::catch_up(Instant now) {
  const std::uint32_t before = quiet_taken_;
  while (quiet_left() > 0 && quiet_begin_ <= now) quiet_begin_ += quiet_[quiet_taken_++];
  if (quiet_taken_ > before) model_.take_quiet_steps(quiet_taken_ - before);
}

/// What follows the step in progress is no longer quiet.
void EngineServer::end_quiet_early(Instant now) {
  catch_up(now);
  if (quiet_left() == 0) return;
  forget_quiet();
  busy_ -= end_ - quiet_begin_;
  end_ = quiet_begin_;
}

}  // namespace evener::lab
