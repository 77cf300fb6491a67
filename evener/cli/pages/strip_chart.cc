#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "evener/cli/pages/chart.h"
#include "evener/cli/pages/html.h"

namespace evener::cli::pages {
namespace {

constexpr double Width = 760, Left = 150, Right = 14, RowHeight = 15, Bottom = 42;
constexpr std::size_t Levels = 10, NameMax = 22;

/// A name that finds room beside its strip.
std::string short_name(const std::string& name) {
  if (name.size() <= NameMax) return name;
  std::size_t end = NameMax - 3;
  while (end > 0 && (static_cast<unsigned char>(name[end]) & 0xc0) == 0x80) --end;  // not within a character
  return name.substr(0, end) + "\xe2\x80\xa6";
}

/// The drawing of one row into a path per level, so that a page holds few elements. Neighbours of one level are one rectangle.
void add_row(std::array<std::string, Levels + 1>& paths, const std::vector<double>& values, std::size_t row, double most) {
  const std::size_t columns = std::min(values.size(), StripColumnsMax);
  const double column_width = (Width - Left - Right) / static_cast<double>(columns);
  const auto level = [&](std::size_t i) {
    return values[i] <= 0 || most <= 0 ? 0 : static_cast<std::size_t>(std::ceil(std::min(1.0, values[i] / most) * Levels));
  };
  for (std::size_t begin = 0; begin < columns;) {
    std::size_t end = begin + 1;
    while (end < columns && level(end) == level(begin)) ++end;
    if (level(begin) > 0) {
      const double width = static_cast<double>(end - begin) * column_width;
      paths[level(begin)] += fmt::format("M{:.1f} {:.0f}h{:.1f}v{:.0f}h-{:.1f}z", Left + static_cast<double>(begin) * column_width,
                                         static_cast<double>(row) * RowHeight + 1, width, RowHeight - 2, width);
    }
    begin = end;
  }
}

void add_time_axis(std::string& out, double high, double bottom, const std::string& title) {
  const Axis axis{.low = 0, .high = high > 0 ? high : 1};
  for (const double mark : axis.marks()) {
    const double x = Left + (Width - Left - Right) * axis.position(mark);
    out += fmt::format("<line class=\"grid\" x1=\"{0:.1f}\" x2=\"{0:.1f}\" y1=\"{1:.0f}\" y2=\"{2:.0f}\"/>", x, bottom, bottom + 5);
    out += fmt::format("<text x=\"{:.1f}\" y=\"{:.0f}\" text-anchor=\"middle\">{}</text>", x, bottom + 18, mark_text(mark));
  }
  out += fmt::format("<text x=\"{:.0f}\" y=\"{:.0f}\" text-anchor=\"middle\">{}</text>\n", (Left + Width - Right) / 2, bottom + 35,
                     escaped(title));
}

}  // namespace

std::string draw(const StripChart& chart) {
  const std::size_t rows = std::min(chart.values.size(), StripRowsMax);
  double most = 0;
  for (std::size_t row = 0; row < rows; ++row) {
    for (const double value : chart.values[row]) most = std::max(most, value);
  }
  const double bottom = static_cast<double>(rows) * RowHeight + 2;
  std::string out = fmt::format(
      "<figure><figcaption>{0}</figcaption>\n<svg viewBox=\"0 0 {1:.0f} {2:.0f}\" role=\"img\"><title>{0}</title><desc>{3}</desc>\n",
      escaped(chart.title), Width, bottom + Bottom, escaped(chart.description));
  std::array<std::string, Levels + 1> paths;
  for (std::size_t row = 0; row < rows; ++row) {
    out += fmt::format("<text x=\"{:.0f}\" y=\"{:.0f}\" text-anchor=\"end\">{}</text>", Left - 8, static_cast<double>(row) * RowHeight + 12,
                       escaped(short_name(row < chart.rows.size() ? chart.rows[row] : "")));
    add_row(paths, chart.values[row], row, most);
  }
  out += "\n";
  for (std::size_t level = 1; level <= Levels; ++level) {
    if (!paths[level].empty())
      out += fmt::format("<path class=\"f0\" fill-opacity=\"{:.1f}\" d=\"{}\"/>\n", static_cast<double>(level) / Levels, paths[level]);
  }
  add_time_axis(out, chart.x_high, bottom, chart.x_title);
  out += "</svg>\n<ul class=\"legend\">";
  for (const double part : {.1, .5, 1.0}) {
    out += fmt::format(
        "<li><svg viewBox=\"0 0 26 10\" aria-hidden=\"true\"><rect class=\"f0\" fill-opacity=\"{:.1f}\" width=\"26\" "
        "height=\"10\"/></svg>{} {}</li>",
        part, fmt::format("{:.2g}", part * most), escaped(chart.unit));
  }
  if (chart.values.size() > rows) out += fmt::format("<li>the first {} of {} rows</li>", rows, chart.values.size());
  return out + "</ul></figure>\n";
}

}  // namespace evener::cli::pages
