#pragma once
// Parts of the lab's pages: tables of figures and charts of runs.

#include <span>
#include <string>
#include <utility>
#include <vector>

#include "evener/cli/lab_runs.h"
#include "evener/cli/pages/chart.h"
#include "evener/cli/pages/html.h"

namespace evener::cli {

/// Strips beyond so many runs are left out of a page, which then says so.
inline constexpr std::size_t StripChartsMax = 12;

struct NamedFigures {
  std::string name;
  RunFigures figures;
};
/// A row for each, and one below for each class.
[[nodiscard]] pages::Table figures_table(std::string caption, std::string first_column, std::span<const NamedFigures> rows);

struct NamedDetails {
  std::string name;
  std::shared_ptr<const RunDetails> details;
};
/// TTFT and TPOT, then what was at the endpoints and in the caches over time. `which`: "load 1, seed 1".
void put_run_charts(pages::Page& page, std::string_view which, std::span<const NamedDetails> runs);

/// As people read it: latencies in ms or s, shares in percent.
[[nodiscard]] std::string value_text(lab::Figure figure, double value);
/// In the unit that charts have it in: latencies in seconds, shares in percent.
[[nodiscard]] double shown_value(lab::Figure figure, double value);
[[nodiscard]] std::string axis_title(lab::Figure figure);

/// One figure along an axis, a series for each name; the description names the best end.
struct FigureChart {
  std::string title, x_title;
  lab::Figure figure;
  pages::Scale scale = pages::Scale::Linear;
  std::vector<pages::Series> series;
  std::vector<double> levels = {};
};
[[nodiscard]] std::string draw(const FigureChart& chart);

}  // namespace evener::cli
