#pragma once
// Curves of a run, small enough to draw whatever its size: how a latency is distributed, and over time what was at each endpoint and how much of the
// prompts the caches held.

#include <cstdint>
#include <vector>

#include "evener/lab/simulation.h"

namespace evener::lab {

/// Endpoints beyond so many share rows, and time is cut into so many columns.
inline constexpr std::uint32_t TimelineRowsMax = 32, TimelineColumnsMax = 96;

struct Timeline {
  Duration step{};                      // of a column; the first begins at 0
  std::uint32_t endpoints_per_row = 1;  // the last row may hold fewer
  std::vector<std::vector<double>>
      in_flight;                  // per row, per column: mean number of requests at each of its endpoints, from dispatch until the end
  std::vector<double> hit_share;  // per column: of the prompt tokens of requests that arrived in it and are done; below 0 = none
};
/// Of requests that are done.
[[nodiscard]] Timeline timeline_of(const Workload& workload, const SimulationResult& result);

struct CurvePoint {
  double share = 0;  // of the requests
  double value = 0;  // that so many do not exceed
};
/// Every hundredth, and more of the tail; at most 110 points. Empty when there are no values.
[[nodiscard]] std::vector<CurvePoint> distribution_curve(std::vector<double> values);

/// Seconds, of requests that are done.
[[nodiscard]] std::vector<double> first_token_times(const SimulationResult& result);
/// Seconds per token after the first, of requests that are done and have more than one.
[[nodiscard]] std::vector<double> token_times(const Workload& workload, const SimulationResult& result);

}  // namespace evener::lab
