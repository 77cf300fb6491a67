#pragma once
// One axis of a chart: which values it shows, where each lies on it, and where it has marks.

#include <cstdint>
#include <string>
#include <vector>

namespace evener::cli::pages {

enum class Scale : std::uint8_t { Linear, Log };

/// Where a linear axis begins.
enum class From : std::uint8_t {
  Zero,   // or below, so that lengths can be compared
  Least,  // at the least value, so that small differences can be seen
};

struct Axis {
  double low = 0, high = 1;
  Scale scale = Scale::Linear;

  /// 0 at the low end, 1 at the high one; values beyond them are brought back to them.
  [[nodiscard]] double position(double value) const;
  /// Round values, 2 to 10 of them, ascending.
  [[nodiscard]] std::vector<double> marks() const;
};

/// An axis that shows all of these. Values that are not above 0 do not count on a logarithmic
/// one, and it becomes linear when there are no others.
[[nodiscard]] Axis axis_for(const std::vector<double>& values, Scale scale, From from = From::Zero);

/// Short: 0.25, 1.5k, 20M.
[[nodiscard]] std::string mark_text(double value);

}  // namespace evener::cli::pages
