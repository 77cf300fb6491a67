#pragma once
// Objective-driven scaling: from what was learned of a replica's speed, the highest rate of requests at which both the first token and
// the tokens after it still come in time; then as many replicas as the rate of arrivals needs. Prefill is taken as a single server that
// requests queue for (M/D/1), decoding as shared by all that are in flight; both lines are those of route/speed.h.

#include "evener/route/autoscale/controller.h"
#include "evener/route/autoscale/windows.h"

namespace evener::route::autoscale {

struct ObjectiveSettings {
  double first_token_s = 2, token_s = 0.1;     // to be kept by the mean request
  double share = 0.85;                         // of the highest rate that is planned with; the rest is for the noise
  Duration window = std::chrono::seconds(60);  // that arrivals are averaged over

  bool operator==(const ObjectiveSettings&) const = default;
};

/// Requests per second that one replica serves within the objectives; 0 when even a lone request would miss them.
[[nodiscard]] double rate_within(const SpeedView& speed, double prompt_tokens, double output_tokens, double first_token_s, double token_s);

class Objective final : public Controller {
 public:
  explicit Objective(const ObjectiveSettings& settings) : settings_(settings), arrivals_(settings.window) {}

  [[nodiscard]] std::string_view name() const override { return "objective"; }
  /// Nothing while speed or lengths are unknown, or when no number of replicas would meet the objectives.
  [[nodiscard]] std::optional<Proposal> propose(const Reading& reading) override;

 private:
  ObjectiveSettings settings_;
  TrailingMean arrivals_;
  ReplicaCount count_;
};

}  // namespace evener::route::autoscale
