#pragma once
// A model server whose requests take a time of their own, first come first served: plain (ONNX Runtime), or in dynamic batches (TensorFlow Serving,
// Triton), where a batch takes a base and something for each of its requests. Also the queues of the textbooks (M/M/c, M/D/1, M/G/1), against which
// the simulator is checked.

#include <deque>

#include "evener/lab/event_heap.h"
#include "evener/lab/request_server.h"

namespace evener::lab {

struct ServiceConfig {
  std::uint32_t workers = 1;                                // batches at once: instances of the model, batching threads
  double base_s = 0;                                        // per batch
  double item_s = 0;                                        // per request of it
  double input_token_s = 0;                                 // per prompt token of it
  double output_token_s = 0;                                // per generated token of it
  enum class Spread : std::uint8_t { Fixed, Exponential };  // exponential: the above is the mean
  Spread spread = Spread::Fixed;
  std::uint32_t batch_max = 1;
  Duration batch_wait{};              // a free worker waits so long for a batch to fill, from when its first request came
  std::uint32_t queue_max = 100'000;  // waiting requests; beyond it submit() refuses
};

class ServiceModel final : public RequestServer {
 public:
  ServiceModel(const ServiceConfig& config, Rng rng) : config_(config), rng_(rng) {}

  [[nodiscard]] std::optional<JobRefused> submit(Job job, Instant now) override;
  [[nodiscard]] Instant due() const override;
  void advance(Instant now, std::vector<JobNews>& out) override;
  /// Batches in progress end when they would have.
  void set_slowdown(double factor, Instant now) override;

  [[nodiscard]] route::LoadReport report(Instant now) override;
  [[nodiscard]] Duration busy() const override { return busy_; }

 private:
  struct Waiting {
    Job job;
    Instant since;
  };
  using Batch = std::vector<std::uint64_t>;  // ids
  void begin_batches(Instant now);
  [[nodiscard]] bool batch_ready(Instant now) const;

  ServiceConfig config_;
  Rng rng_;
  double slowdown_ = 1;
  std::deque<Waiting> queue_;
  EventHeap<Batch> batches_;  // by their ends
  std::uint32_t running_ = 0;
  Duration busy_{};
};

}  // namespace evener::lab
