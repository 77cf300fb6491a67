#pragma once
// Controller: how many replicas a pool should have, by one way of thinking. It proposes; the scaler takes the largest proposal and then
// applies the pool's limits, steps and cool-downs, which no controller knows.

#include <cstdint>
#include <optional>
#include <string_view>

#include "evener/route/autoscale/reading.h"

namespace evener::route::autoscale {

struct Proposal {
  std::uint32_t replicas = 0;
  double load = 0;         // what was measured or forecast
  double per_replica = 0;  // how much of it a replica takes
};

/// Not thread-safe.
class Controller {
 public:
  Controller() = default;
  Controller(const Controller&) = delete;
  Controller& operator=(const Controller&) = delete;
  virtual ~Controller() = default;

  [[nodiscard]] virtual std::string_view name() const = 0;
  /// Nothing while it knows too little. Readings come in order of time, ReadingGapMin or more apart.
  [[nodiscard]] virtual std::optional<Proposal> propose(const Reading& reading) = 0;
  /// A replica that was started serves now, so long after.
  virtual void started(Duration /*took*/) {}
};

}  // namespace evener::route::autoscale
