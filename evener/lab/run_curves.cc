#include "evener/lab/run_curves.h"

#include <algorithm>
#include <cmath>

namespace evener::lab {
namespace {

/// Adds the part of each column that [from, to) covers, in columns.
void cover(std::vector<double>& columns, double from, double to) {
  const auto first = static_cast<std::size_t>(from);
  for (std::size_t column = first; column < columns.size() && static_cast<double>(column) < to; ++column) {
    const auto begin = static_cast<double>(column);
    columns[column] += std::min(to, begin + 1) - std::max(from, begin);
  }
}

}  // namespace

Timeline timeline_of(const Workload& workload, const SimulationResult& result) {
  Timeline timeline;
  const auto endpoints = static_cast<std::uint32_t>(result.endpoints.size());
  timeline.step = std::max(Duration(1), result.end / TimelineColumnsMax + Duration(1));
  timeline.endpoints_per_row = std::max(1U, (endpoints + TimelineRowsMax - 1) / TimelineRowsMax);
  const std::uint32_t rows = (endpoints + timeline.endpoints_per_row - 1) / timeline.endpoints_per_row;
  timeline.in_flight.assign(rows, std::vector<double>(TimelineColumnsMax));
  std::vector<double> prompt(TimelineColumnsMax), cached(TimelineColumnsMax);
  const auto at = [&](Duration time) { return seconds(time) / seconds(timeline.step); };
  for (std::size_t i = 0; i < result.requests.size(); ++i) {
    const RequestResult& request = result.requests[i];
    if (request.fate != Fate::Done) continue;
    cover(timeline.in_flight[request.endpoint / timeline.endpoints_per_row], at(request.dispatched), at(request.finished));
    const auto column = std::min(static_cast<std::size_t>(at(request.arrival)), prompt.size() - 1);
    prompt[column] += workload.requests[i].input_tokens;
    cached[column] += request.cached_tokens;
  }
  for (std::uint32_t row = 0; row < rows; ++row) {
    const std::uint32_t in_row = std::min(timeline.endpoints_per_row, endpoints - row * timeline.endpoints_per_row);
    for (double& load : timeline.in_flight[row]) load /= in_row;
  }
  for (std::size_t i = 0; i < prompt.size(); ++i) timeline.hit_share.push_back(prompt[i] > 0 ? cached[i] / prompt[i] : -1);
  return timeline;
}

std::vector<CurvePoint> distribution_curve(std::vector<double> values) {
  std::vector<CurvePoint> curve;
  if (values.empty()) return curve;
  std::sort(values.begin(), values.end());
  const auto add = [&](double share) {
    const double rank = std::ceil(share * static_cast<double>(values.size())) - 1;
    curve.push_back({.share = share, .value = values[static_cast<std::size_t>(std::max(0.0, rank))]});
  };
  for (int hundredth = 0; hundredth < 100; ++hundredth) add(hundredth / 100.0);
  for (const double share : {.992, .994, .996, .998, .999, 1.0}) add(share);
  return curve;
}

std::vector<double> first_token_times(const SimulationResult& result) {
  std::vector<double> times;
  for (const RequestResult& request : result.requests) {
    if (request.fate == Fate::Done) times.push_back(seconds(request.first_token - request.arrival));
  }
  return times;
}

std::vector<double> token_times(const Workload& workload, const SimulationResult& result) {
  std::vector<double> times;
  for (std::size_t i = 0; i < result.requests.size(); ++i) {
    const RequestResult& request = result.requests[i];
    const std::uint32_t gaps = workload.requests[i].output_tokens - 1;
    if (request.fate == Fate::Done && gaps > 0) times.push_back(seconds(request.finished - request.first_token) / gaps);
  }
  return times;
}

}  // namespace evener::lab
