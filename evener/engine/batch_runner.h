#pragma once
// Runs the lab's engine model in real time on a reactor: each step takes as long as the model says, and its tokens are handed out when it
// is over. Requests wait here for their constant overhead before the model sees them.

#include <cstdint>
#include <deque>
#include <unordered_map>
#include <vector>

#include "evener/core/time.h"
#include "evener/engine/engine_metrics.h"
#include "evener/engine/kv_publisher.h"
#include "evener/engine/options.h"
#include "evener/lab/engine_model.h"
#include "evener/net/precise_timer.h"
#include "evener/net/reactor.h"

namespace evener::engine {

/// One request that is being generated. Its owner waits for `changed` and looks; it must end it (BatchRunner::end) before it goes.
struct Generation {
  explicit Generation(net::Reactor& reactor) : changed(reactor) {}

  net::Event changed;
  std::uint32_t tokens = 0;         // generated so far
  std::uint32_t cached_tokens = 0;  // known from the first token on
  bool finished = false;
  bool interrupted = false;         // the client has gone, or the engine was taken down: give up

  lab::SequenceId id = 0;
  Instant begun_at{}, last_token_at{};
};

/// Not thread-safe: lives on its reactor's thread.
class BatchRunner {
 public:
  BatchRunner(net::Reactor& reactor, const EngineOptions& options, EngineMetrics& metrics);
  BatchRunner(const BatchRunner&) = delete;
  BatchRunner& operator=(const BatchRunner&) = delete;

  /// The loop; ends when the reactor stops. Spawn it once.
  net::Task<> run();

  /// Whether the queue would refuse one more: queue_max requests wait already beyond those that the batch has places for.
  [[nodiscard]] bool queue_full() const;
  /// Prompt and output together must be within the model's context limit.
  void begin(Generation& generation, std::uint32_t prompt_tokens, std::uint32_t output_tokens, std::vector<std::uint64_t> block_hashes);
  /// Forgets it, wherever it is. Harmless when it has finished.
  void end(Generation& generation);
  /// Interrupts all that are being generated.
  void interrupt_all();

  void set_slow_factor(double factor) { slow_ = factor; }
  /// Publishes what each step stores and evicts. The publisher must outlive this; see KvPublisher::flush for `drop_every`.
  void publish_kv(KvPublisher& publisher) {
    publisher_ = &publisher;
    model_.observe_kv(&publisher);
  }
  void set_kv_drop_every(std::uint32_t drop_every) { kv_drop_every_ = drop_every; }
  [[nodiscard]] const lab::EngineModel& model() const { return model_; }
  /// Requests that are in their overhead still; they count as waiting.
  [[nodiscard]] std::size_t pending() const { return pending_.size(); }

 private:
  struct Pending {
    Instant at;
    lab::EngineModel::Sequence sequence;
  };
  void admit(Instant until);
  void hand_out(const lab::StepOutcome& outcome);

  EngineMetrics& metrics_;
  lab::EngineModel model_;
  net::PreciseTimer timer_;
  net::Event work_;                      // set when there may be something to do
  double slow_;
  double time_scale_;
  Duration overhead_;
  std::size_t queue_max_;
  KvPublisher* publisher_ = nullptr;
  std::uint32_t kv_drop_every_;
  std::deque<Pending> pending_;          // in order of `at`, because the overhead is the same for all
  std::unordered_map<lab::SequenceId, Generation*> generations_;  // looked up, never iterated but to interrupt all
  lab::SequenceId last_id_ = 0;
};

}  // namespace evener::engine
