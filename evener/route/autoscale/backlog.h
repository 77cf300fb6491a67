#pragma once
// Backlog: enough replicas to serve what arrives and to work off what waits within a given time. The answer to a load that was not
// foreseen; on its own it waits until there is something to work off.

#include "evener/route/autoscale/controller.h"
#include "evener/route/autoscale/windows.h"

namespace evener::route::autoscale {

struct BacklogSettings {
  double per_replica_per_s = 1;                // requests that one replica can serve
  Duration drain = std::chrono::seconds(60);   // > 0
  Duration window = std::chrono::seconds(60);  // that arrivals are averaged over

  bool operator==(const BacklogSettings&) const = default;
};

class Backlog final : public Controller {
 public:
  explicit Backlog(const BacklogSettings& settings) : settings_(settings), arrivals_(settings.window) {}

  [[nodiscard]] std::string_view name() const override { return "backlog"; }
  [[nodiscard]] std::optional<Proposal> propose(const Reading& reading) override {
    const double load = arrivals_.add(reading.now, reading.arrivals_per_s) + reading.queued / seconds(settings_.drain);
    return Proposal{.replicas = count_.update(load, settings_.per_replica_per_s), .load = load, .per_replica = settings_.per_replica_per_s};
  }

 private:
  BacklogSettings settings_;
  TrailingMean arrivals_;
  ReplicaCount count_;
};

}  // namespace evener::route::autoscale
