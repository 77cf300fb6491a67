#pragma once
// What is learned of how fast an endpoint works, from the answers that it streams: first token = base + seconds per uncached prompt token *
// (those before it and its own), and between two tokens = step + seconds per request in flight. Both are straight lines: chunked prefill
// and batched decoding are close to that as long as memory lasts (the reference model is lab/step_time.h). Nothing is assumed of the
// hardware; before anything is learned an endpoint is taken to be like the rest of its pool, as strong as its weight says, and both times to
// grow in proportion to what is ahead. Each answer takes something off these two beliefs, so that a pool shares its load by weight like
// least-request at first, and gradually by what it learns.

#include "evener/core/estimators.h"
#include "evener/core/robust_line.h"
#include "evener/route/view.h"

namespace evener::route {

/// Plain and copyable. `weight` scales between endpoints of one pool: one of weight 2 is expected to take half the time.
class SpeedRecord {
 public:
  static constexpr double FirstTokenMemory = 100;  // samples
  static constexpr double TokenMemory = 100;
  /// Of endpoint against pool, and of proportion against base: the samples that weigh as much. In a sweep over the first seconds of an unequal fleet and
  /// over the Mooncake and Azure traces 2 to 5 and 5 to 10 do about equally well; a line that is believed without them after five samples takes
  /// chance, or what happened to be in flight, for strength.
  static constexpr double PoolSamples = 5;
  static constexpr double ProportionSamples = 2;

  void first_token(const Share& share, double seconds, double weight);
  /// `seconds_per_token` of one stream while about `in_flight` requests were in flight there.
  void tokens(double in_flight, double seconds_per_token, double weight);

  /// Before first_token(), when it is the first for a while: if the first token came more than twice as late or early as expected the endpoint is
  /// not what it was, and what was learned counts little from here on. With answers in a row outliers are told from changes by their number.
  void after_silence(const Share& share, double seconds, double weight);

  /// Zeros where nothing was learned.
  [[nodiscard]] SpeedView view(double weight, Instant now) const;

 private:
  RobustLine first_{FirstTokenMemory, ProportionSamples};
  RobustLine token_{TokenMemory, ProportionSamples};
};

/// What an endpoint is expected to do: its own figures, the pool's (by weight) where it has none yet, and something in between when its own are
/// few or old.
[[nodiscard]] SpeedView expected_speed(const EndpointView& endpoint, const PoolView& pool);
/// What it is taken for when endpoints are compared: the same, but with age it becomes half of the pool's, so that an endpoint that was slow
/// once, and therefore gets nothing that could show otherwise, is tried again: one four times as slow after 50 s, one ten times as slow
/// after 90 s. (Finagle's peak EWMA forgets in the same way.)
[[nodiscard]] SpeedView believed_speed(const EndpointView& endpoint, const PoolView& pool);
inline constexpr double SpeedMemory_s = 20;  // after this time without news half of the belief is the pool's, after twice this time 80 %
inline constexpr Duration SpeedSilence = std::chrono::seconds(10);

struct Prediction {
  double first_token_s = 0;
  double token_s = 0;  // between two tokens
};
/// Of a request with `uncached_tokens` to compute, sent there now. Zero where nothing has been learned at all.
[[nodiscard]] Prediction predict(const EndpointView& endpoint, const SpeedView& speed, double uncached_tokens, double report_trust);
/// Whether the request is predicted to meet its objectives there. An endpoint of unknown speed counts as meeting them: it is tried, and then known.
[[nodiscard]] bool meets_objectives(const RequestView& request, const PoolView& view, std::uint32_t index);

/// report_trust() where there is something foreign that it would be applied to, else 0, which comes to the same and is cheaper.
[[nodiscard]] inline double foreign_trust(const EndpointView& endpoint, Instant now) {
  return endpoint.foreign_requests > 0 || endpoint.foreign_uncached_tokens > 0 ? report_trust(endpoint.report, now) : 0.0;
}
/// What is there, ours and others': what the endpoint reports beyond what we sent counts as far as the report is trusted.
[[nodiscard]] inline double load_in_requests(const EndpointView& endpoint, double report_trust) {
  return static_cast<double>(endpoint.in_flight) + report_trust * endpoint.foreign_requests;
}
[[nodiscard]] inline double load_in_uncached_tokens(const EndpointView& endpoint, double report_trust) {
  return static_cast<double>(endpoint.in_flight_uncached_tokens) + report_trust * endpoint.foreign_uncached_tokens;
}

}  // namespace evener::route
