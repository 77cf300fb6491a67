#pragma once
// An inference engine with continuous batching, as a state machine that is stepped: chunked prefill, paged KV cache with prefix reuse,
// recompute pre-emption, a queue. It follows the scheduler of vLLM V1. It has no clock: each step says how long it took, and the owner
// (the lab in virtual time, the emulated engine in real time) decides when that is. Leaves out swapping to host memory, LoRA, speculative
// decoding and priorities inside the engine.

#include <cstdint>
#include <deque>
#include <span>
#include <unordered_map>
#include <vector>

#include "evener/core/time.h"
#include "evener/lab/kv_cache.h"
#include "evener/lab/step_time.h"

namespace evener::lab {

struct EngineConfig {
  StepModel step = LinearStep{};
  std::uint32_t batch_sequences_max = 256;  // running at once
  std::uint32_t batch_tokens_max = 2048;    // new tokens of one step; a longer prompt is computed in chunks
  std::uint32_t kv_blocks = 4096;
  std::uint32_t kv_block_tokens = 16;
  std::uint32_t context_tokens_max = 0;  // prompt plus output of one sequence; 0 = what the KV cache holds
  std::uint32_t queue_max = 100'000;     // waiting sequences; beyond it submit() refuses
  KvCache::Prefix prefix_cache = KvCache::Prefix::On;

  [[nodiscard]] std::uint64_t context_limit() const {
    const std::uint64_t capacity = std::uint64_t{kv_blocks} * kv_block_tokens;
    return context_tokens_max == 0 || context_tokens_max > capacity ? capacity : context_tokens_max;
  }
};

/// Chosen by the owner and not in use at the same time twice.
using SequenceId = std::uint64_t;

enum class Submitted : std::uint8_t { Queued, QueueFull, ContextTooLong, Empty };

/// What an engine with an empty queue says to a sequence.
[[nodiscard]] Submitted judge(const EngineConfig& config, std::uint32_t prompt_tokens, std::uint32_t output_tokens);

/// What one sequence did in a step.
struct Emission {
  SequenceId id = 0;
  std::uint32_t cached_tokens = 0;  // prompt tokens that the prefix cache gave when the sequence was first admitted
  bool first = false;               // its first token: prefill has just ended
  bool finished = false;            // its last token; the sequence is gone
};

struct StepOutcome {
  Duration duration{};  // from the start of the step until its tokens leave; zero when there was nothing to do
  StepWork work;
  std::vector<Emission> emissions;    // in batch order
  std::vector<SequenceId> preempted;  // lost their KV blocks and wait again, at the front of the queue
};

struct EngineGauges {
  std::uint32_t running = 0, waiting = 0;
  double kv_used = 0;  // 0..1
};

struct EngineTotals {
  std::uint64_t submitted = 0, finished = 0, cancelled = 0, refused = 0;
  std::uint64_t preemptions = 0, steps = 0;
  std::uint64_t prompt_tokens = 0;  // of sequences whose prefill has ended
  std::uint64_t generation_tokens = 0;
  std::uint64_t prefix_query_tokens = 0, prefix_hit_tokens = 0;
  std::uint64_t computed_prefill_tokens = 0;  // recomputation after pre-emption counts again

  EngineTotals& operator+=(const EngineTotals& other);
};

/// Not thread-safe. Deterministic: equal calls give equal outcomes. A step is O(running sequences + blocks taken and freed).
class EngineModel {
 public:
  explicit EngineModel(const EngineConfig& config);

  struct Sequence {
    SequenceId id = 0;
    std::uint32_t prompt_tokens = 0;
    std::uint32_t output_tokens = 0;
    /// Chained hash of each full block of the prompt, block 0 first; fewer or none means that the rest is never shared.
    std::vector<std::uint64_t> block_hashes = {};
    /// So many tokens of the prompt are in the prefix cache already, whatever the hashes say: a log of real requests knows no more. Until it
    /// is pre-empted.
    std::uint32_t granted_tokens = 0;
  };
  /// Puts a sequence at the end of the queue.
  Submitted submit(Sequence sequence);
  /// Forgets a queued or running sequence and frees its blocks. False when there is none with this id.
  bool cancel(SequenceId id);
  /// Computes one step. The outcome is valid until the next call.
  const StepOutcome& step();

  /// How many of the steps that come next only lengthen each running sequence by a token: nothing begins, ends, is admitted or
  /// pre-empted in them, and nothing but submit() and cancel() can change that. At most `steps_max`; often 0. O(running sequences).
  [[nodiscard]] std::uint32_t quiet_steps(std::uint32_t steps_max) const;
  /// The work of the first of them; each of the others reads `emitting` context tokens more than the one before.
  [[nodiscard]] StepWork quiet_work() const;
  /// Takes so many quiet steps at once: all is as if step() had been called so often, without its outcomes. O(running sequences).
  void take_quiet_steps(std::uint32_t steps);

  /// Who is told what the KV cache stores and evicts; nullptr = nobody.
  void observe_kv(KvObserver* observer) { kv_.observe(observer); }

  [[nodiscard]] bool idle() const { return running_.empty() && waiting_.empty(); }
  [[nodiscard]] EngineGauges gauges() const;
  [[nodiscard]] const EngineTotals& totals() const { return totals_; }
  [[nodiscard]] const EngineConfig& config() const { return config_; }

 private:
  struct State {
    Sequence sequence;
    std::vector<BlockId> blocks;
    std::uint32_t computed = 0;  // tokens whose KV is in the cache
    std::uint32_t generated = 0;
    std::uint32_t published = 0;  // leading blocks offered for sharing
    std::uint32_t cached = 0;     // found at the first admission
    std::uint32_t scheduled = 0;  // new tokens in the current step
    bool admitted_before = false;
    [[nodiscard]] std::uint32_t known() const { return sequence.prompt_tokens + generated; }
    [[nodiscard]] bool decodes() const { return generated > 0 && computed + 1 == known(); }
  };
  using Slot = std::uint32_t;

  [[nodiscard]] bool fits(const State& state, const KvCache::Match& match) const;
  [[nodiscard]] std::span<const std::uint64_t> shareable(const State& state) const;
  [[nodiscard]] std::uint32_t blocks_for(std::uint32_t tokens) const {
    return (tokens + config_.kv_block_tokens - 1) / config_.kv_block_tokens;
  }
  bool take_blocks(State& state, std::uint32_t tokens);
  void preempt(Slot slot);
  bool schedule_running(std::uint32_t& budget);
  void admit_waiting(std::uint32_t& budget);
  void finish_step();
  void publish_full_blocks(State& state);
  void forget(Slot slot);

  EngineConfig config_;
  KvCache kv_;
  std::vector<State> states_;
  std::vector<Slot> unused_;
  std::unordered_map<SequenceId, Slot> slots_;  // looked up, never iterated
  std::vector<Slot> running_;                   // in order of admission
  std::deque<Slot> waiting_;
  StepOutcome outcome_;
  EngineTotals totals_;
};

}  // namespace evener::lab
