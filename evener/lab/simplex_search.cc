#include "evener/lab/simplex_search.h"

#include <algorithm>
#include <tuple>
#include <utility>

namespace evener::lab {
namespace {

struct Corner {
  std::vector<double> at;
  double value = 0;
};

/// from + factor * (from - to): the point `to` mirrored at `from`, nearer or farther.
std::vector<double> beyond(const std::vector<double>& from, const std::vector<double>& to, double factor) {
  std::vector<double> point(from.size());
  for (std::size_t i = 0; i < point.size(); ++i) point[i] = from[i] + factor * (from[i] - to[i]);
  return point;
}

std::vector<double> centre_of(std::span<const Corner> corners) {
  std::vector<double> centre(corners.front().at.size());
  for (const Corner& corner : corners) {
    for (std::size_t i = 0; i < centre.size(); ++i) centre[i] += corner.at[i] / static_cast<double>(corners.size());
  }
  return centre;
}

}  // namespace

LowPoint search_simplex(const std::function<double(std::span<const double>)>& value, std::vector<double> start,
                        const SimplexSettings& settings) {
  std::uint32_t evaluations = 0;
  const auto look = [&](std::vector<double> at) {
    ++evaluations;
    const double found = value(at);
    return Corner{.at = std::move(at), .value = found};
  };
  std::vector<Corner> corners{look(start)};
  for (std::size_t i = 0; i < start.size(); ++i) {
    std::vector<double> at = start;
    at[i] += settings.step;
    corners.push_back(look(std::move(at)));
  }
  const auto order = [&] {
    std::sort(corners.begin(), corners.end(),
              [](const Corner& a, const Corner& b) { return std::tie(a.value, a.at) < std::tie(b.value, b.at); });
  };
  for (order(); evaluations < settings.evaluations_max; order()) {
    Corner& worst = corners.back();
    if (worst.value - corners.front().value <= settings.tolerance) break;
    const std::vector<double> centre = centre_of(std::span(corners).first(corners.size() - 1));
    Corner mirrored = look(beyond(centre, worst.at, 1));
    if (mirrored.value < corners.front().value) {
      Corner farther = look(beyond(centre, worst.at, 2));
      worst = farther.value < mirrored.value ? std::move(farther) : std::move(mirrored);
      continue;
    }
    if (mirrored.value < corners[corners.size() - 2].value) {
      worst = std::move(mirrored);
      continue;
    }
    if (mirrored.value < worst.value) worst = std::move(mirrored);
    Corner nearer = look(beyond(centre, worst.at, -0.5));
    if (nearer.value < worst.value) {
      worst = std::move(nearer);
      continue;
    }
    for (std::size_t i = 1; i < corners.size(); ++i) corners[i] = look(beyond(corners.front().at, corners[i].at, -0.5));
  }
  return {.at = std::move(corners.front().at), .value = corners.front().value, .evaluations = evaluations};
}

}  // namespace evener::lab
