#pragma once
// Round robin: the candidates in turn, in the order of their ids. O(log n).
//
// When not to use it: whenever endpoints or requests are unequal. It knows neither weight nor load nor slow start, so a slow endpoint
// gets as many requests as a fast one and its queue grows without end. Weighted round robin cures the first, least request all three.

#include <optional>

#include "evener/route/policy.h"

namespace evener::route {

class RoundRobin final : public Policy {
 public:
  [[nodiscard]] std::string_view name() const override;
  std::uint32_t choose(const RequestView& request, const PoolView& view, Rng& rng) override;

 private:
  std::optional<EndpointId> last_;  // an id and not an index, so that a change of membership does not disturb the turn
};

}  // namespace evener::route
