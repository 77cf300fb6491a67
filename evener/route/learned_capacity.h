#pragma once
// LearnedCapacity: how many requests an endpoint without a configured capacity should have in flight, from its first-token latency per uncached
// token and its time per output token (see core/limits.h). Beyond some number an engine only queues, and what queues inside it can be neither
// reordered by class nor sent elsewhere.

#include <cstdint>
#include <optional>

#include "evener/core/limits.h"
#include "evener/route/admission_settings.h"
#include "evener/route/scheduler.h"

namespace evener::route {

/// Not thread-safe.
class LearnedCapacity {
 public:
  explicit LearnedCapacity(const LearnedCapacitySettings& settings)
      : limit_({.least = static_cast<double>(settings.least),
                .most = static_cast<double>(settings.most),
                .first = static_cast<double>(settings.first),
                .slowdown_max = settings.slowdown_max}) {}

  void first_token(std::uint32_t uncached_tokens, Duration latency, std::uint32_t in_flight);
  void finished(const Outcome& outcome, std::uint32_t in_flight);

  /// No more than the engine says that it takes at once.
  [[nodiscard]] std::uint32_t capacity(const std::optional<LoadReport>& report) const;

 private:
  GradientLimit limit_;
};

}  // namespace evener::route
