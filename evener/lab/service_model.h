#pragma once
// A server that does one request at a time per worker, first come first served: a model server without batching, and the queue of the
// textbooks (M/M/c, M/D/1, M/G/1), against which the simulator is checked. It has no clock: it says how long each request takes and its
// owner says when that time is over.

#include <cstdint>
#include <deque>
#include <optional>

#include "evener/core/rng.h"
#include "evener/core/time.h"

namespace evener::lab {

struct ServiceConfig {
  std::uint32_t workers = 1;
  double base_s = 0;                                        // per request
  double input_token_s = 0;                                 // per prompt token
  double output_token_s = 0;                                // per generated token
  enum class Spread : std::uint8_t { Fixed, Exponential };  // exponential: the above is the mean
  Spread spread = Spread::Fixed;
  std::uint32_t queue_max = 100'000;  // waiting requests; beyond it submit() refuses
};

/// Not thread-safe.
class ServiceModel {
 public:
  ServiceModel(const ServiceConfig& config, Rng rng) : config_(config), rng_(rng) {}

  struct Job {
    std::uint64_t id = 0;
    Duration service{};
  };
  /// False when the queue is full. The request's service time is drawn from (seed, id), so that it does not depend on what came before.
  bool submit(std::uint64_t id, std::uint32_t input_tokens, std::uint32_t output_tokens);
  /// The next job that a free worker begins now; nothing when there is none. Every begun job is ended once.
  std::optional<Job> begin();
  void end() { --busy_; }

  [[nodiscard]] std::uint32_t running() const { return busy_; }
  [[nodiscard]] std::size_t waiting() const { return queue_.size(); }
  [[nodiscard]] const ServiceConfig& config() const { return config_; }

 private:
  ServiceConfig config_;
  Rng rng_;
  std::deque<Job> queue_;
  std::uint32_t busy_ = 0;
};

}  // namespace evener::lab
