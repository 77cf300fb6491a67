#pragma once
// Explanation: why a request went where it went: what was known of each endpoint when it was decided, the reason it was left out or the figure
// that the policy compared. It is taken from what the decision itself worked out, so keeping it costs a few stores per endpoint.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "evener/core/ids.h"

namespace evener::route {

enum class LeftOut : std::uint8_t {
  No,
  Model,  // it serves other models
  Zone,   // as in Unfit
  Adapter,
  Modality,
  Context,
  Tried,  // an earlier attempt of the request was there
  Capacity,
  RateLimit,  // of an external endpoint, as in Withheld
  Spend,
  SpillOver,  // it gets only what the pool's own endpoints cannot take, and one of these can
  Reserved,  // it has room, but that is kept for more urgent classes, or for those that wait already
  Draining,
  Backoff,
  Down,
  Ejected,
};
[[nodiscard]] std::string_view left_out_name(LeftOut reason);  // "model", "zone", ...; empty for No

struct EndpointExplanation {
  EndpointId id{};
  LeftOut left_out = LeftOut::No;
  std::uint32_t in_flight = 0;
  std::uint32_t cached_tokens = 0;  // of the prompt, probably; 0 also where the policy did not ask
  std::optional<double> cost;       // the policy's figure, lower is better; nothing where it compared none

  [[nodiscard]] bool candidate() const { return left_out == LeftOut::No; }
};

/// Plain values that are written in place, so that a kept one allocates nothing once it is warm.
struct Explanation {
  /// Pools of at most so many endpoints are listed whole, of larger ones the best BestMax that were compared, the chosen one among them.
  static constexpr std::size_t ListedMax = 16;
  static constexpr std::size_t BestMax = 8;

  std::string_view policy;
  std::uint32_t endpoints_total = 0;           // in the pool
  std::vector<EndpointExplanation> endpoints;  // by rising id
  std::vector<std::string_view> scorers;       // of a composed policy
  std::vector<float> scores;                   // of each listed endpoint in turn, one per scorer; negative = it was not scored

  void clear();
};

/// Tells the scheduler where to write why it decides. It asks once per decision, before the endpoints' figures change by it.
class Explainer {
 public:
  virtual ~Explainer() = default;
  /// Of the request that arrived with this cookie; nullptr = nobody wants to know. Valid until the call into the scheduler returns.
  virtual Explanation* explanation_of(std::uint64_t cookie) = 0;
};

}  // namespace evener::route
