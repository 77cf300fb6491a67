#include "evener/route/autoscale/reading.h"

#include <algorithm>
#include <cmath>

namespace evener::route::autoscale {

std::uint32_t replicas_for(double load, double per_replica) {
  const double replicas = std::ceil(load / per_replica - 1e-9);
  return static_cast<std::uint32_t>(std::clamp(replicas, 0.0, static_cast<double>(ReplicasMax)));
}

}  // namespace evener::route::autoscale
