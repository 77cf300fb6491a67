#include "evener/engine/batch_runner.h"

#include <cmath>
#include <cstdlib>
#include <limits>
#include <utility>

namespace evener::engine {
namespace {

// Behind by more than this, the machine is too slow for the engine it emulates: better slower than in bursts.
constexpr Duration LagMax = std::chrono::milliseconds(100);

// The queue is limited by queue_full(), because to the model also those wait that the next step will take.
lab::EngineConfig without_queue_limit(lab::EngineConfig config) {
  config.queue_max = std::numeric_limits<std::uint32_t>::max();
  return config;
}

Duration scaled(Duration duration, double factor) { return Duration(std::llround(static_cast<double>(duration.count()) * factor)); }

}  // namespace

BatchRunner::BatchRunner(net::Reactor& reactor, const EngineOptions& options, EngineMetrics& metrics)
    : metrics_(metrics),
      model_(without_queue_limit(options.config)),
      timer_(reactor),
      work_(reactor),
      slow_(options.faults.slow),
      time_scale_(options.time_scale),
      overhead_(scaled(options.request_overhead, 1 / options.time_scale)),
      queue_max_(options.config.queue_max),
      kv_drop_every_(options.faults.kv_drop_every) {}

net::Task<> BatchRunner::run() {
  Instant due{};  // when the current step ends; ahead of now or at most LagMax behind
  for (;;) {
    admit(due);
    if (model_.idle()) {
      if (pending_.empty()) {
        if (co_await work_.wait_until(Instant::max()) == net::Event::Result::Cancelled) co_return;
        due = monotonic_now();
        continue;
      }
      due = pending_.front().at;
      if (!co_await timer_.wait_until(due)) co_return;
      continue;
    }
    const lab::StepOutcome& outcome = model_.step();
    due = std::max(due + scaled(outcome.duration, slow_ / time_scale_), monotonic_now() - LagMax);
    // The next step is computed from the time this one should have ended at, so that late wake-ups do not add up.
    if (!co_await timer_.wait_until(due)) co_return;
    if (publisher_ != nullptr) publisher_->flush(kv_drop_every_);
    hand_out(outcome);
  }
}

bool BatchRunner::queue_full() const {
  const lab::EngineGauges gauges = model_.gauges();
  const std::size_t free_places = std::size_t{model_.config().batch_sequences_max} - gauges.running;
  return gauges.waiting + pending_.size() >= queue_max_ + free_places;
}

void BatchRunner::begin(Generation& generation, std::uint32_t prompt_tokens, std::uint32_t output_tokens, std::vector<std::uint64_t> block_hashes) {
  generation.id = ++last_id_;
  generation.begun_at = monotonic_now();
  generations_.emplace(generation.id, &generation);
  pending_.push_back({.at = generation.begun_at + overhead_,
                      .sequence = {.id = generation.id,
                                   .prompt_tokens = prompt_tokens,
                                   .output_tokens = output_tokens,
                                   .block_hashes = std::move(block_hashes)}});
  work_.set();
}

void BatchRunner::end(Generation& generation) {
  if (generations_.erase(generation.id) == 0) return;
  if (model_.cancel(generation.id)) return;
  std::erase_if(pending_, [&](const Pending& pending) { return pending.sequence.id == generation.id; });
}

void BatchRunner::interrupt_all() {
  for (const auto& [id, generation] : generations_) {
    generation->interrupted = true;
    generation->changed.set();
  }
}

void BatchRunner::admit(Instant until) {
  while (!pending_.empty() && pending_.front().at <= until) {
    // Length and emptiness were checked before begin(): a refusal here is a fault of ours.
    if (model_.submit(std::move(pending_.front().sequence)) != lab::Submitted::Queued) std::abort();
    pending_.pop_front();
  }
}

void BatchRunner::hand_out(const lab::StepOutcome& outcome) {
  const Instant now = monotonic_now();
  for (const lab::Emission& emission : outcome.emissions) {
    const auto found = generations_.find(emission.id);
    if (found == generations_.end()) continue;  // ended while its step was being computed
    Generation& generation = *found->second;
    ++generation.tokens;
    if (emission.first) {
      generation.cached_tokens = emission.cached_tokens;
      metrics_.first_token(now - generation.begun_at);
    } else {
      metrics_.next_token(now - generation.last_token_at);
    }
    generation.last_token_at = now;
    if (emission.finished) {
      generation.finished = true;
      generations_.erase(found);
      metrics_.finished(now - generation.begun_at);
    }
    generation.changed.set();
  }
}

}  // namespace evener::engine
