#pragma once
// Figures: the numbers that a run is judged by, as a table, so that tables, reports and comparisons all speak of the same ones. Metrics and statistics
// have the names that AIPerf gives them in its exports, where it has the metric.

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "evener/lab/summary.h"

namespace evener::lab {

enum class Figure : std::uint8_t {
  GoodShare,  // within the objectives, of those that arrived
  Goodput,
  TtftMean,
  TtftP50,
  TtftP90,
  TtftP95,
  TtftP99,
  TpotMean,
  TpotP50,
  TpotP90,
  TpotP99,
  LatencyMean,  // of whole requests
  LatencyP50,
  LatencyP90,
  LatencyP99,
  QueueMean,  // until dispatched
  QueueP99,
  RequestRate,
  OutputRate,
  HitShare,
  Imbalance,
  Requests,  // that were done
  Errors,    // refused, rejected or left over
  ErrorShare,
  TenantSpread,
};
inline constexpr std::size_t FigureCount = static_cast<std::size_t>(Figure::TenantSpread) + 1;

enum class Better : std::uint8_t { Lower, Higher, Neither };

struct FigureKind {
  std::string_view metric, statistic, unit;
  std::string_view label;  // for people
  Better better = Better::Lower;

  /// A share of something whole: differences of it are in points, not in percent.
  [[nodiscard]] bool is_share() const { return unit == "ratio"; }
};
[[nodiscard]] const FigureKind& kind_of(Figure figure);

/// Not initialised figures are 0.
struct Figures {
  std::array<double, FigureCount> values{};  // in their units

  double& operator[](Figure figure) { return values[static_cast<std::size_t>(figure)]; }
  double operator[](Figure figure) const { return values[static_cast<std::size_t>(figure)]; }
  /// Whether there was anything to take it of: latencies and cache hits are of requests that were done, and 0 when none was.
  [[nodiscard]] bool has(Figure figure) const;
  [[nodiscard]] double requests() const { return (*this)[Figure::Requests] + (*this)[Figure::Errors]; }
};

/// Of all requests or a part of them. The spread is between these tenants: by how much the tokens that engines worked on for one of them
/// differ most from an equal share; 0 with fewer than two.
[[nodiscard]] Figures figures_of(const Workload& workload, const SimulationResult& result, const Objectives& objectives,
                                 std::span<const std::uint64_t> tenants, const Part& part = {});

/// Of each figure by itself; nothing makes zeros.
[[nodiscard]] Figures mean_of(std::span<const Figures> runs);

}  // namespace evener::lab
