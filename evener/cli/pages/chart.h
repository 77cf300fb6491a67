#pragma once
// Charts as SVG text to stand in a page: lines over an axis, and strips of how busy something was over time. Colours are classes of the page, so
// that they follow its light or dark scheme. Everything drawn is bounded; callers aggregate first.

#include <string>
#include <vector>

#include "evener/cli/pages/axis.h"

namespace evener::cli::pages {

/// Further series are left out and counted in the legend; of a longer series every n-th point is drawn.
inline constexpr std::size_t SeriesMax = 16, PointsMax = 400;
/// Of strips.
inline constexpr std::size_t StripRowsMax = 40, StripColumnsMax = 120;

struct Point {
  double x = 0, y = 0;
};

enum class Draw : std::uint8_t {
  Line,
  Steps,   // each value holds until the next
  Points,  // unconnected
};

struct Series {
  std::string name;
  std::vector<Point> points;  // in order of x
  Draw draw = Draw::Line;
  std::size_t hue = SeriesMax;  // those with the same one have the same colour; without one each has its own
};

struct LineChart {
  std::string title, description;  // for those who cannot see it: what it shows, and what comes out
  std::string x_title, y_title;
  Scale x_scale = Scale::Linear, y_scale = Scale::Linear;
  From y_from = From::Zero;
  std::vector<Series> series;
  std::vector<double> levels;  // values of y to mark with a line across
};

struct StripChart {
  std::string title, description;
  std::string x_title;
  double x_high = 1;  // the right end of the time axis
  std::vector<std::string> rows;
  std::vector<std::vector<double>> values;  // per row, per column; below 0 = nothing known
  std::string unit;                         // of the values, for the legend
};

/// A <figure> with its caption, drawing and legend.
[[nodiscard]] std::string draw(const LineChart& chart);
[[nodiscard]] std::string draw(const StripChart& chart);

}  // namespace evener::cli::pages
