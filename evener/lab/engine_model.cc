#include "evener/lab/engine_model.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <utility>

namespace evener::lab {

EngineTotals& EngineTotals::operator+=(const EngineTotals& other) {
  submitted += other.submitted;
  finished += other.finished;
  cancelled += other.cancelled;
  refused += other.refused;
  preemptions += other.preemptions;
  steps += other.steps;
  prompt_tokens += other.prompt_tokens;
  generation_tokens += other.generation_tokens;
  prefix_query_tokens += other.prefix_query_tokens;
  prefix_hit_tokens += other.prefix_hit_tokens;
  computed_prefill_tokens += other.computed_prefill_tokens;
  return *this;
}

Submitted judge(const EngineConfig& config, std::uint32_t prompt_tokens, std::uint32_t output_tokens) {
  if (prompt_tokens == 0 || output_tokens == 0) return Submitted::Empty;
  return std::uint64_t{prompt_tokens} + output_tokens > config.context_limit() ? Submitted::ContextTooLong : Submitted::Queued;
}

EngineModel::EngineModel(const EngineConfig& config) : config_(config), kv_(config.kv_blocks, config.prefix_cache) {}

Submitted EngineModel::submit(Sequence sequence) {
  ++totals_.submitted;
  const auto refuse = [&](Submitted why) {
    ++totals_.refused;
    return why;
  };
  if (const Submitted judged = judge(config_, sequence.prompt_tokens, sequence.output_tokens); judged != Submitted::Queued)
    return refuse(judged);
  if (waiting_.size() >= config_.queue_max) return refuse(Submitted::QueueFull);

  Slot slot = 0;
  if (unused_.empty()) {
    slot = static_cast<Slot>(states_.size());
    states_.emplace_back();
  } else {
    slot = unused_.back();
    unused_.pop_back();
  }
  const std::size_t full_blocks = sequence.prompt_tokens / config_.kv_block_tokens;
  if (sequence.block_hashes.size() > full_blocks) sequence.block_hashes.resize(full_blocks);
  if (!slots_.emplace(sequence.id, slot).second) std::abort();  // two sequences under one id could not be told apart any more
  states_[slot] = State{};
  states_[slot].sequence = std::move(sequence);
  waiting_.push_back(slot);
  return Submitted::Queued;
}

bool EngineModel::cancel(SequenceId id) {
  const auto found = slots_.find(id);
  if (found == slots_.end()) return false;
  const Slot slot = found->second;
  if (std::erase(running_, slot) == 0) std::erase(waiting_, slot);
  ++totals_.cancelled;
  forget(slot);
  return true;
}

const StepOutcome& EngineModel::step() {
  outcome_.duration = {};
  outcome_.work = {};
  outcome_.emissions.clear();
  outcome_.preempted.clear();
  if (idle()) return outcome_;

  std::uint32_t budget = config_.batch_tokens_max;
  const bool all_fitted = schedule_running(budget);
  // After a pre-emption nothing is admitted in the same step: the freed blocks would go to a newcomer and the victim would starve.
  if (all_fitted) admit_waiting(budget);
  finish_step();
  return outcome_;
}

EngineGauges EngineModel::gauges() const {
  return {.running = static_cast<std::uint32_t>(running_.size()),
          .waiting = static_cast<std::uint32_t>(waiting_.size()),
          .kv_used = static_cast<double>(kv_.used()) / static_cast<double>(kv_.size())};
}

bool EngineModel::schedule_running(std::uint32_t& budget) {
  bool all_fitted = true;
  for (std::size_t i = 0; i < running_.size(); ++i) {
    const Slot slot = running_[i];
    const std::uint32_t wanted = std::min(states_[slot].known() - states_[slot].computed, budget);
    states_[slot].scheduled = 0;
    if (wanted == 0) continue;
    // The victim is always the newest sequence. It stands at or behind i, so it holds no tokens of this step's budget yet.
    while (!take_blocks(states_[slot], wanted)) {
      const Slot victim = running_.back();
      preempt(victim);
      all_fitted = false;
      if (victim == slot) return false;
    }
    states_[slot].scheduled = wanted;
    budget -= wanted;
  }
  return all_fitted;
}

/// At least one token has to be computed, or there would be nothing to emit from.
std::span<const std::uint64_t> EngineModel::shareable(const State& state) const {
  return std::span(state.sequence.block_hashes)
      .first(std::min<std::size_t>(state.sequence.block_hashes.size(), (state.known() - 1) / config_.kv_block_tokens));
}

/// The whole prompt must fit before its first chunk is computed; otherwise two long prompts could block each other half-way.
bool EngineModel::fits(const State& state, const KvCache::Match& match) const {
  return blocks_for(state.known()) - match.blocks + match.unreferenced <= kv_.free();
}

void EngineModel::admit_waiting(std::uint32_t& budget) {
  while (!waiting_.empty() && budget > 0 && running_.size() < config_.batch_sequences_max) {
    const Slot slot = waiting_.front();
    State& state = states_[slot];
    const auto hashes = shareable(state);
    const KvCache::Match match = kv_.match(hashes);
    if (!fits(state, match)) return;

    waiting_.pop_front();
    for (const std::uint64_t hash : hashes.first(match.blocks)) state.blocks.push_back(kv_.share(hash));
    state.computed = match.blocks * config_.kv_block_tokens;
    state.published = match.blocks;
    if (!state.admitted_before) {
      state.admitted_before = true;
      state.computed = std::max(state.computed, std::min(state.sequence.granted_tokens, state.known() - 1));
      state.cached = state.computed;
      totals_.prefix_query_tokens += state.sequence.prompt_tokens;
      totals_.prefix_hit_tokens += state.computed;
    }
    const std::uint32_t wanted = std::min(state.known() - state.computed, budget);
    take_blocks(state, wanted);  // cannot fail: the whole prompt fits
    state.scheduled = wanted;
    budget -= wanted;
    running_.push_back(slot);
  }
}

void EngineModel::finish_step() {
  StepWork& work = outcome_.work;
  ++totals_.steps;
  std::size_t kept = 0;
  for (const Slot slot : running_) {
    State& state = states_[slot];
    const bool decodes = state.scheduled == 1 && state.decodes();
    work.context_tokens += state.scheduled > 0 ? state.computed : 0;
    if (decodes) {
      ++work.decode_tokens;
    } else {
      work.prefill_tokens += state.scheduled;
      totals_.computed_prefill_tokens += state.scheduled;
      work.prefill_attention += state.scheduled * (static_cast<double>(state.computed) + state.scheduled / 2.0);
    }
    state.computed += state.scheduled;
    const bool emits = state.scheduled > 0 && state.computed == state.known();
    state.scheduled = 0;
    publish_full_blocks(state);
    if (!emits) {
      running_[kept++] = slot;
      continue;
    }
    ++work.emitting;
    ++state.generated;
    ++totals_.generation_tokens;
    const bool first = state.generated == 1;
    if (first) totals_.prompt_tokens += state.sequence.prompt_tokens;
    const bool finished = state.generated == state.sequence.output_tokens;
    outcome_.emissions.push_back({.id = state.sequence.id, .cached_tokens = state.cached, .first = first, .finished = finished});
    if (finished) {
      ++totals_.finished;
      forget(slot);
    } else {
      running_[kept++] = slot;
    }
  }
  running_.resize(kept);
  outcome_.duration = Duration(std::llround(step_seconds(config_.step, work) * 1e9));
}

std::uint32_t EngineModel::quiet_steps(std::uint32_t steps_max) const {
  if (running_.empty() || running_.size() > config_.batch_tokens_max) return 0;
  std::uint32_t steps = steps_max;
  for (const Slot slot : running_) {
    const State& state = states_[slot];
    if (!state.decodes()) return 0;
    steps = std::min(steps, state.sequence.output_tokens - state.generated - 1);
  }
  if (steps == 0) return 0;
  const bool room = running_.size() < config_.batch_sequences_max && running_.size() < config_.batch_tokens_max;
  if (room && !waiting_.empty()) {
    // One that does not fit now will not in these steps: they free no block, and when they take one of its prompt's from the free list,
    // it needs at least as many as before of fewer.
    const State& front = states_[waiting_.front()];
    if (fits(front, kv_.match(shareable(front)))) return 0;
  }
  const auto all_fit = [&](std::uint32_t count) {
    std::uint64_t needed = 0;
    for (const Slot slot : running_) {
      const State& state = states_[slot];
      const std::uint32_t blocks = blocks_for(state.computed + count);
      if (blocks > state.blocks.size()) needed += blocks - state.blocks.size();
    }
    return needed <= kv_.free();
  };
  if (all_fit(steps)) return steps;
  std::uint32_t fitting = 0;
  while (fitting + 1 < steps) {
    const std::uint32_t middle = fitting + (steps - fitting) / 2;
    (all_fit(middle) ? fitting : steps) = middle;
  }
  return fitting;
}

StepWork EngineModel::quiet_work() const {
  StepWork work{.decode_tokens = running_.size(), .emitting = running_.size()};
  for (const Slot slot : running_) work.context_tokens += states_[slot].computed;
  return work;
}

void EngineModel::take_quiet_steps(std::uint32_t steps) {
  if (steps == 0) return;
  for (const Slot slot : running_) {
    State& state = states_[slot];
    if (!take_blocks(state, steps)) std::abort();  // more than quiet_steps() allows
    state.computed += steps;
    state.generated += steps;
  }
  totals_.steps += steps;
  totals_.generation_tokens += std::uint64_t{steps} * running_.size();
}

/// Blocks for `tokens` more tokens; all of them or none.
bool EngineModel::take_blocks(State& state, std::uint32_t tokens) {
  const std::size_t needed = (std::size_t{state.computed} + tokens + config_.kv_block_tokens - 1) / config_.kv_block_tokens;
  if (needed > state.blocks.size() + kv_.free()) return false;
  while (state.blocks.size() < needed) state.blocks.push_back(kv_.allocate());
  return true;
}

void EngineModel::preempt(Slot slot) {
  State& state = states_[slot];
  kv_.release(state.blocks);
  state.blocks.clear();
  state.computed = 0;
  state.published = 0;
  state.scheduled = 0;
  std::erase(running_, slot);
  waiting_.push_front(slot);
  outcome_.preempted.push_back(state.sequence.id);
  ++totals_.preemptions;
}

void EngineModel::publish_full_blocks(State& state) {
  const std::uint32_t full =
      std::min(state.computed / config_.kv_block_tokens, static_cast<std::uint32_t>(state.sequence.block_hashes.size()));
  for (; state.published < full; ++state.published) {
    kv_.publish(state.blocks[state.published], state.sequence.block_hashes[state.published]);
  }
}

void EngineModel::forget(Slot slot) {
  State& state = states_[slot];
  kv_.release(state.blocks);
  slots_.erase(state.sequence.id);
  state = State{};
  unused_.push_back(slot);
}

}  // namespace evener::lab
