#pragma once
// LoadBook: the figures of a pool: which endpoints there are, what is in flight on each in requests and tokens, what each said of its load,
// and how fast each has been answering. It holds the values that views show to policies. It decides nothing.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "evener/core/estimators.h"
#include "evener/route/speed.h"
#include "evener/route/view.h"

namespace evener::route {

/// Not thread-safe. Indices hold until the next insert or erase.
class LoadBook {
 public:
  /// A failure counts as an answer that took this many times the pool's mean, however fast it came, so that failing fast attracts nothing.
  static constexpr double FailureFactor = 8.0;
  /// The same while the pool has not answered anything yet.
  static constexpr double FailureUnknown_s = 1.0;
  /// What others have in flight is a mean over reports, in which an earlier one loses half of its say in this time. The latest report alone would
  /// send the requests of all gateways to the endpoint that was idle in it, and to another one after the next.
  static constexpr Duration ForeignHalfLife = std::chrono::seconds(10);

  [[nodiscard]] std::span<const EndpointView> endpoints() const { return endpoints_; }
  [[nodiscard]] const EndpointView& operator[](std::size_t index) const { return endpoints_[index]; }
  [[nodiscard]] std::optional<std::uint32_t> find(EndpointId id) const;

  /// Where the endpoint stands now; it must not be known. O(endpoints).
  std::uint32_t insert(const EndpointView& endpoint);
  void erase(std::uint32_t index);

  void set_health(std::uint32_t index, Health health) { endpoints_[index].health = health; }
  void set_weight(std::uint32_t index, double configured, double effective);
  void set_capacity(std::uint32_t index, std::uint32_t capacity);
  /// Takes over what is configured of an endpoint: identity, tier, network, prices, power, zone, modalities, context, whether it
  /// loads adapters. Not its capacity and weight.
  void describe(std::uint32_t index, const EndpointView& endpoint);

  /// Borrows them until the next call for this endpoint.
  void set_adapters(std::uint32_t index, std::span<const std::uint64_t> adapters) { endpoints_[index].adapters = adapters; }

  void dispatched(std::uint32_t index, const Share& share = {});
  /// The request's prompt has been computed: its uncached tokens no longer count. Once per share.
  void prefilled(std::uint32_t index, Share& share);
  /// False, and nothing changes, when nothing is in flight there.
  bool ended(std::uint32_t index, const Share& share = {});
  /// Ignored when it is older than the one that is there.
  void reported(std::uint32_t index, const LoadReport& report);
  /// A streamed answer began: teaches the speed of prefill.
  void streamed(std::uint32_t index, const Share& share, double first_token_s, Instant at);
  /// A streamed answer ended that took so long per token, and altogether; call after ended().
  void decoded(std::uint32_t index, const Share& share, double seconds_per_token, double total_s, Instant at);

  /// An answer began `latency_s` after its dispatch, at `at`. Older news than the endpoint's latest is dropped: a stream that ends now
  /// and began to answer a minute ago says nothing about the present.
  void answered(std::uint32_t index, double latency_s, Instant at);
  void failed(std::uint32_t index, double total_s, Instant now);

  [[nodiscard]] const PredictionErrors& prediction_errors(std::uint32_t index) const { return prediction_errors_[index]; }

  [[nodiscard]] std::uint32_t in_flight() const { return in_flight_; }
  /// Endpoints at their capacity.
  [[nodiscard]] std::uint32_t full() const { return full_; }
  [[nodiscard]] double latency_s() const { return latency_.value(); }
  /// 0 when all are of one tier.
  [[nodiscard]] double strongest_tier() const { return strongest_tier_; }
  /// Of all endpoints together, scaled to weight 1.
  [[nodiscard]] SpeedView speed() const { return pool_record_.view(1.0, {}); }

  [[nodiscard]] static bool is_full(const EndpointView& endpoint) {
    return endpoint.capacity > 0 && endpoint.in_flight >= endpoint.capacity;
  }

 private:
  void compare_tiers();

  std::vector<EndpointView> endpoints_;
  std::vector<EndpointId> ids_;       // the same order; apart, because finding one of 4,000 touches far fewer cache lines this way
  std::vector<SpeedRecord> records_;  // the same order
  std::vector<PredictionErrors> prediction_errors_;  // the same order; no policy reads them
  SpeedRecord pool_record_;
  std::uint32_t in_flight_ = 0;
  std::uint32_t full_ = 0;
  double strongest_tier_ = 0;
  DecayingMean latency_{LatencyTau};
};

}  // namespace evener::route
