#pragma once
// What an emulated engine says of itself on /metrics, under vLLM's names, so that everything that reads vLLM reads it, too.

#include <cstdint>
#include <functional>
#include <string>

#include "evener/core/time.h"
#include "evener/engine/options.h"
#include "evener/lab/engine_model.h"
#include "evener/telemetry/registry.h"

namespace evener::engine {

/// The state at the moment of a scrape.
struct EngineState {
  lab::EngineGauges gauges;
  lab::EngineTotals totals;
};

/// Not thread-safe: lives on its engine's thread.
class EngineMetrics {
 public:
  /// `state` is asked at each scrape; it must outlive this.
  EngineMetrics(const EngineOptions& options, std::function<EngineState()> state);

  void first_token(Duration since_begin) const { time_to_first_token_.observe(seconds(since_begin)); }
  void next_token(Duration since_last) const { inter_token_latency_.observe(seconds(since_last)); }
  void finished(Duration since_begin) const { e2e_latency_.observe(seconds(since_begin)); }
  /// reason: stop, length, abort or error.
  void ended(std::string_view reason) const { success_.with({model_, "0", reason}).add(); }

  [[nodiscard]] std::string page() const;

 private:
  std::string model_;
  telemetry::Registry registry_;
  telemetry::Histogram time_to_first_token_, inter_token_latency_, e2e_latency_;
  telemetry::Registry::Family<telemetry::Counter> success_;
  telemetry::Registry::Collection collection_;
};

}  // namespace evener::engine
