#pragma once
// A server whose requests share the cores of a machine: up to `slots` run at once, each on at most one core, and all alike fast when they are more
// than the cores (processor sharing). For inference without batches on CPUs: classical models, speech, embeddings by ONNX Runtime or llama.cpp with a
// slot per request. Large language models whose sequences share the reading of weights are EngineModels on CPU hardware instead.

#include <deque>

#include "evener/lab/event_heap.h"
#include "evener/lab/request_server.h"

namespace evener::lab {

struct SharingConfig {
  double cores = 1;
  std::uint32_t slots = 8;            // running at once
  double base_s = 0;                  // of one core, per request
  double input_token_s = 0;           // per prompt token; the first token comes after both
  double output_token_s = 0;          // per generated token
  std::uint32_t queue_max = 100'000;  // waiting requests; beyond it submit() refuses
};

class SharingModel final : public RequestServer {
 public:
  explicit SharingModel(const SharingConfig& config) : config_(config) {}

  [[nodiscard]] std::optional<JobRefused> submit(Job job, Instant now) override;
  [[nodiscard]] Instant due() const override;
  void advance(Instant now, std::vector<JobNews>& out) override;
  void set_slowdown(double factor, Instant now) override;

  [[nodiscard]] route::LoadReport report(Instant now) override;
  [[nodiscard]] Duration busy() const override { return busy_; }

 private:
  /// What each running request has got since the beginning, as if it had run from there: all get the same, so a request is done when this is
  /// as much above where it stood at its start as it needs. Kept as a time so that the heap can order by it.
  using Served = Instant;
  [[nodiscard]] double rate() const;
  void serve(Instant now);
  void begin_waiting();

  SharingConfig config_;
  double slowdown_ = 1;
  std::deque<Job> queue_;
  EventHeap<JobNews> milestones_;  // by service got, not by time
  Served served_{};
  Instant at_{};  // until when served_ is known
  std::uint32_t running_ = 0;
  Duration busy_{};
};

}  // namespace evener::lab
