#pragma once
// The figure by which most policies compare endpoints: requests in flight per unit of weight.

#include "evener/route/view.h"

namespace evener::route {

[[nodiscard]] inline double load_of(const EndpointView& endpoint) { return static_cast<double>(endpoint.in_flight) / endpoint.weight; }

}  // namespace evener::route
