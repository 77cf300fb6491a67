#pragma once
// Fleet search: the cheapest mix of kinds of replicas that meets an objective, when every try costs simulations. A fleet that fails takes all its parts with
// it: what is not enough does not become enough with fewer replicas. So the fleets fall into those that meet and those that fail, and the search walks
// along the boundary between them, line by line: a line has the same counts of all kinds but the last, and on it the least count that
// meets is bisected between what is already known to fail and what would cost too much.

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

namespace evener::lab {

/// What has to be done in a run, in two measures that no replica can escape: prompt tokens to compute, and tokens to generate.
inline constexpr std::size_t WorkMeasures = 2;

struct FleetKind {
  std::uint32_t min = 0, max = 0;  // replicas
  double price = 1;                // of one, above 0
  /// The greatest part of each measure of the work that one replica could do, however well it is used. 1 = it might do it alone.
  std::array<double, WorkMeasures> part_max = {1, 1};
};

/// Replicas of each kind.
using Fleet = std::vector<std::uint32_t>;

/// No more lines are searched: a product of counts beyond it is a question that should be asked in parts.
inline constexpr std::uint64_t FleetLinesMax = 1'000'000;
/// Lines of kinds with these ranges.
[[nodiscard]] std::uint64_t fleet_lines(const std::vector<FleetKind>& kinds);

/// Ask next(), try that fleet, tell, until next() has nothing more. Not thread-safe. At least one kind, at most FleetLinesMax lines.
class FleetSearch {
 public:
  explicit FleetSearch(std::vector<FleetKind> kinds);

  [[nodiscard]] std::optional<Fleet> next();
  void told(const Fleet& fleet, bool met);

  /// Of those that met, the cheapest; it is the cheapest of all when next() has nothing more.
  [[nodiscard]] const std::optional<Fleet>& cheapest() const { return cheapest_; }
  [[nodiscard]] double cost(const Fleet& fleet) const;
  /// Fleets that would be cheaper and of which nothing is known; 0 at the end of the search.
  [[nodiscard]] std::uint64_t undecided() const;
  [[nodiscard]] std::uint64_t fleets() const;  // all that there are, without the empty one

 private:
  struct Range {
    std::int64_t low = 0, high = -1;
  };
  /// Counts of the last kind that are neither known to fail nor too dear.
  [[nodiscard]] Range open_range(const Fleet& line) const;
  [[nodiscard]] std::uint32_t least_for_work(const Fleet& line) const;
  /// The next line in order; false at the end.
  [[nodiscard]] bool advance(Fleet& line) const;

  std::vector<FleetKind> kinds_;
  Fleet line_;  // the last count is not used
  bool ended_ = false;
  std::vector<Fleet> failed_;
  std::optional<Fleet> cheapest_;
};

}  // namespace evener::lab
