#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "evener/cli/pages/chart.h"
#include "evener/cli/pages/html.h"

namespace evener::cli::pages {
namespace {

constexpr double Width = 760, Height = 320, Left = 66, Right = 14, Top = 12, Bottom = 48;
constexpr std::size_t Hues = 8, MarkersMax = 30;

/// Where values lie in the drawing.
struct Frame {
  Axis x, y;
  [[nodiscard]] double at_x(double value) const { return Left + (Width - Left - Right) * x.position(value); }
  [[nodiscard]] double at_y(double value) const { return Top + (Height - Top - Bottom) * (1 - y.position(value)); }
};

Frame frame_of(const LineChart& chart) {
  std::vector<double> x, y = chart.levels;
  for (const Series& series : chart.series) {
    for (const Point& point : series.points) {
      if (!std::isfinite(point.x) || !std::isfinite(point.y)) continue;
      x.push_back(point.x);
      y.push_back(point.y);
    }
  }
  // The load or the price need not begin at zero as a latency does.
  Frame frame{.x = axis_for(x, chart.x_scale), .y = axis_for(y, chart.y_scale, chart.y_from)};
  if (frame.x.scale == Scale::Linear && !x.empty()) {
    const auto [low, high] = std::minmax_element(x.begin(), x.end());
    if (*high > *low) frame.x = {.low = *low, .high = *high};
  }
  return frame;
}

void add_axes(std::string& out, const Frame& frame, const LineChart& chart) {
  for (const double mark : frame.y.marks()) {
    const double y = frame.at_y(mark);
    out += fmt::format("<line class=\"grid\" x1=\"{:.0f}\" x2=\"{:.0f}\" y1=\"{:.1f}\" y2=\"{:.1f}\"/>", Left, Width - Right, y, y);
    out += fmt::format("<text x=\"{:.0f}\" y=\"{:.1f}\" text-anchor=\"end\">{}</text>\n", Left - 8, y + 4, mark_text(mark));
  }
  for (const double mark : frame.x.marks()) {
    const double x = frame.at_x(mark);
    out += fmt::format("<line class=\"grid\" x1=\"{:.1f}\" x2=\"{:.1f}\" y1=\"{:.0f}\" y2=\"{:.0f}\"/>", x, x, Height - Bottom,
                       Height - Bottom + 5);
    out += fmt::format("<text x=\"{:.1f}\" y=\"{:.0f}\" text-anchor=\"middle\">{}</text>\n", x, Height - Bottom + 19, mark_text(mark));
  }
  out += fmt::format("<text x=\"{:.0f}\" y=\"{:.0f}\" text-anchor=\"middle\">{}</text>", (Left + Width - Right) / 2, Height - 8,
                     escaped(chart.x_title));
  out += fmt::format("<text transform=\"translate(14 {:.0f}) rotate(-90)\" text-anchor=\"middle\">{}</text>\n", (Top + Height - Bottom) / 2,
                     escaped(chart.y_title));
  for (const double level : chart.levels) {
    out += fmt::format("<line class=\"level\" x1=\"{:.0f}\" x2=\"{:.0f}\" y1=\"{:.1f}\" y2=\"{:.1f}\"/>\n", Left, Width - Right,
                       frame.at_y(level), frame.at_y(level));
  }
}

std::size_t hue(const Series& series, std::size_t index) { return series.hue < SeriesMax ? series.hue : index; }

/// Of a line: its colour, and dashes from the ninth on.
std::string stroke(std::size_t own) { return fmt::format("curve s{}{}", own % Hues, own >= Hues ? " dash" : ""); }

std::string curve(const Frame& frame, const Series& series, const std::vector<Point>& points) {
  std::string path;
  for (const Point& point : points) {
    const double x = frame.at_x(point.x), y = frame.at_y(point.y);
    if (path.empty()) {
      path = fmt::format("M{:.1f} {:.1f}", x, y);
    } else if (series.draw == Draw::Steps) {
      path += fmt::format("H{:.1f}V{:.1f}", x, y);
    } else {
      path += fmt::format("L{:.1f} {:.1f}", x, y);
    }
  }
  return path;
}

void add_series(std::string& out, const Frame& frame, const Series& series, std::size_t index) {
  std::vector<Point> points;
  const std::size_t every = series.points.size() / PointsMax + 1;
  for (std::size_t i = 0; i < series.points.size(); ++i) {
    const Point& point = series.points[i];
    const bool shown = std::isfinite(point.x) && std::isfinite(point.y) && (frame.y.scale == Scale::Linear || point.y > 0);
    if (shown && (i % every == 0 || i + 1 == series.points.size())) points.push_back(point);
  }
  if (points.empty()) return;
  if (series.draw != Draw::Points) {
    out += fmt::format("<path class=\"{}\" d=\"{}\"/>\n", stroke(hue(series, index)), curve(frame, series, points));
  }
  if (series.draw != Draw::Points && points.size() > MarkersMax) return;
  for (const Point& point : points) {
    out += fmt::format("<circle class=\"f{}\" cx=\"{:.1f}\" cy=\"{:.1f}\" r=\"3.5\"/>", hue(series, index) % Hues, frame.at_x(point.x),
                       frame.at_y(point.y));
  }
  out += "\n";
}

std::string legend(const LineChart& chart) {
  std::string out = "<ul class=\"legend\">";
  for (std::size_t i = 0; i < std::min(chart.series.size(), SeriesMax); ++i) {
    const std::size_t own = hue(chart.series[i], i);
    const std::string mark = chart.series[i].draw == Draw::Points
                                 ? fmt::format("<circle class=\"f{}\" cx=\"13\" cy=\"5\" r=\"4\"/>", own % Hues)
                                 : fmt::format("<path class=\"{}\" d=\"M1 5H25\"/>", stroke(own));
    out += fmt::format("<li><svg viewBox=\"0 0 26 10\" aria-hidden=\"true\">{}</svg>{}</li>", mark, escaped(chart.series[i].name));
  }
  if (chart.series.size() > SeriesMax) out += fmt::format("<li>and {} more</li>", chart.series.size() - SeriesMax);
  return out + "</ul>";
}

}  // namespace

std::string draw(const LineChart& chart) {
  const Frame frame = frame_of(chart);
  std::string out = fmt::format(
      "<figure><figcaption>{0}</figcaption>\n<svg viewBox=\"0 0 {1:.0f} {2:.0f}\" role=\"img\"><title>{0}</title><desc>{3}</desc>\n",
      escaped(chart.title), Width, Height, escaped(chart.description));
  add_axes(out, frame, chart);
  for (std::size_t i = 0; i < std::min(chart.series.size(), SeriesMax); ++i) add_series(out, frame, chart.series[i], i);
  return out + "</svg>\n" + legend(chart) + "</figure>\n";
}

}  // namespace evener::cli::pages
