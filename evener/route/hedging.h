#pragma once
// Hedging: when to ask a second endpoint because the first one's answer is late, and how often. The delay is a quantile of how long first tokens
// take in this pool (Dean and Barroso, "The Tail at Scale", 2013, who take the 95th percentile, so that one request in twenty is asked twice),
// and a bucket of tokens bounds what it costs. Which endpoint is asked is not its concern.

#include <array>
#include <cstdint>
#include <optional>

#include "evener/core/time.h"

namespace evener::route {

struct HedgingSettings {
  bool enabled = false;
  double quantile = 0.95;                              // of the pool's first-token latencies: later than this is late
  Duration delay_min = std::chrono::milliseconds(50);  // never sooner
  Duration delay_max = std::chrono::seconds(10);       // never later
  double budget_share = 0.05;                          // tokens computed twice, as a share of all

  bool operator==(const HedgingSettings&) const = default;
};

/// Not thread-safe.
class Hedging {
 public:
  static constexpr std::uint32_t SamplesMin = 20;     // nothing is late before so many first tokens came
  static constexpr std::uint32_t SamplesKept = 1000;  // beyond, all that was seen loses half of its say
  static constexpr double CreditTokensMax = 50'000;   // budget that a quiet time saves up

  void configure(const HedgingSettings& settings);

  // What happened, in tokens and times of streamed requests.
  void sent(double tokens);
  void first_token(Duration latency);
  /// An attempt ended without a first token. How long that would have taken nobody knows; that it was late is known once the wait was longer than
  /// the delay, and left out it would look as if nothing ever came late, and the delay would sink with each hedge.
  void gave_up(Duration waited);

  /// How long after its dispatch a request is late; nothing while that is unknown, or hedging is off.
  [[nodiscard]] std::optional<Duration> delay();
  /// Whether the budget has something left. A hedge may take more than that: else long prompts never had one. The debt is worked off first.
  [[nodiscard]] bool allowed() const { return settings_.enabled && credit_ > 0; }
  void hedged(double tokens) { credit_ -= tokens; }
  /// Fewer tokens were computed twice than hedged() took for it.
  void refund(double tokens);

 private:
  // Buckets whose bounds grow by 2^(1/8), 9 %, from 1 ms on: 20 octaves, beyond 17 minutes.
  static constexpr std::size_t Buckets = 160;
  void record(Duration latency);

  HedgingSettings settings_;
  std::array<std::uint32_t, Buckets> counts_{};
  std::uint32_t count_ = 0;
  std::optional<Duration> delay_;  // as of the latest look
  bool stale_ = true;              // `delay_` is not that of `counts_`
  double credit_ = 0;
};

}  // namespace evener::route
