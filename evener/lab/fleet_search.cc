#include "evener/lab/fleet_search.h"

#include <algorithm>
#include <cassert>
#include <cmath>

namespace evener::lab {

std::uint64_t fleet_lines(const std::vector<FleetKind>& kinds) {
  double lines = 1;
  for (std::size_t i = 0; i + 1 < kinds.size(); ++i) lines *= static_cast<double>(kinds[i].max - kinds[i].min) + 1;
  return static_cast<std::uint64_t>(std::min(lines, 1e18));
}

FleetSearch::FleetSearch(std::vector<FleetKind> kinds) : kinds_(std::move(kinds)) {
  assert(!kinds_.empty() && fleet_lines(kinds_) <= FleetLinesMax);
  for (const FleetKind& kind : kinds_) line_.push_back(kind.min);
}

std::optional<Fleet> FleetSearch::next() {
  while (!ended_) {
    const Range range = open_range(line_);
    if (range.low <= range.high) {
      Fleet fleet = line_;
      fleet.back() = static_cast<std::uint32_t>((range.low + range.high) / 2);
      return fleet;
    }
    ended_ = !advance(line_);
  }
  return std::nullopt;
}

void FleetSearch::told(const Fleet& fleet, bool met) {
  if (!met) {
    failed_.push_back(fleet);
  } else if (!cheapest_ || cost(fleet) < cost(*cheapest_)) {
    cheapest_ = fleet;
  }
}

double FleetSearch::cost(const Fleet& fleet) const {
  double sum = 0;
  for (std::size_t i = 0; i < kinds_.size(); ++i) sum += fleet[i] * kinds_[i].price;
  return sum;
}

FleetSearch::Range FleetSearch::open_range(const Fleet& line) const {
  const FleetKind& last = kinds_.back();
  const bool alone = std::all_of(line.begin(), line.end() - 1, [](std::uint32_t count) { return count == 0; });
  Range range{.low = std::max({last.min, least_for_work(line), alone ? 1U : 0U}), .high = last.max};
  for (const Fleet& failed : failed_) {
    const bool holds_line = std::equal(line.begin(), line.end() - 1, failed.begin(), [](auto ours, auto theirs) { return ours <= theirs; });
    if (holds_line) range.low = std::max(range.low, std::int64_t{failed.back()} + 1);
  }
  if (cheapest_) {
    Fleet fleet = line;
    fleet.back() = 0;
    // Only what is cheaper is of interest; a rounding error of the price is no saving.
    const double affordable = (cost(*cheapest_) * (1 - 1e-12) - cost(fleet)) / last.price;
    // As a floating-point number, since what a nearly free kind affords fits no integer.
    range.high = static_cast<std::int64_t>(std::clamp(std::ceil(affordable) - 1, -1.0, static_cast<double>(range.high)));
  }
  return range;
}

std::uint32_t FleetSearch::least_for_work(const Fleet& line) const {
  const FleetKind& last = kinds_.back();
  double least = 0;
  for (std::size_t measure = 0; measure < WorkMeasures; ++measure) {
    double missing = 1;
    for (std::size_t i = 0; i + 1 < kinds_.size(); ++i) missing -= line[i] * kinds_[i].part_max[measure];
    if (missing <= 0) continue;
    least = std::max(least, last.part_max[measure] > 0 ? std::ceil(missing / last.part_max[measure] - 1e-9) : 4e9);
  }
  return static_cast<std::uint32_t>(std::min(least, 4e9));
}

bool FleetSearch::advance(Fleet& line) const {
  for (std::size_t i = kinds_.size() - 1; i-- > 0;) {
    if (line[i] < kinds_[i].max) {
      ++line[i];
      return true;
    }
    line[i] = kinds_[i].min;
  }
  return false;
}

std::uint64_t FleetSearch::undecided() const {
  if (ended_) return 0;
  std::uint64_t sum = 0;
  Fleet line = line_;
  do {
    const Range range = open_range(line);
    if (range.low <= range.high) sum += static_cast<std::uint64_t>(range.high - range.low + 1);
  } while (advance(line));
  return sum;
}

std::uint64_t FleetSearch::fleets() const {
  double count = static_cast<double>(fleet_lines(kinds_)) * (static_cast<double>(kinds_.back().max - kinds_.back().min) + 1);
  if (std::all_of(kinds_.begin(), kinds_.end(), [](const FleetKind& kind) { return kind.min == 0; })) count -= 1;
  return static_cast<std::uint64_t>(count);
}

}  // namespace evener::lab
