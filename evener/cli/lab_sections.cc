#include "evener/cli/lab_sections.h"

#include <fmt/format.h>

#include <algorithm>

namespace evener::cli {
namespace {

constexpr std::array Columns = {lab::Figure::GoodShare,   lab::Figure::Goodput,    lab::Figure::TtftMean, lab::Figure::TtftP50,
                                lab::Figure::TtftP90,     lab::Figure::TtftP99,    lab::Figure::TpotMean, lab::Figure::TpotP90,
                                lab::Figure::LatencyMean, lab::Figure::OutputRate, lab::Figure::HitShare, lab::Figure::Imbalance,
                                lab::Figure::ErrorShare};

std::vector<pages::Cell> figures_row(const std::string& name, const lab::Figures& figures) {
  std::vector<pages::Cell> row = {{.text = name}};
  for (const lab::Figure figure : Columns) row.push_back({.text = value_text(figure, figures[figure])});
  return row;
}

std::string distribution_chart(std::string_view what, std::string_view which, std::span<const NamedDetails> runs,
                               std::vector<lab::CurvePoint> RunDetails::* curve) {
  pages::LineChart chart{.title = fmt::format("Distribution of {}, {}", what, which),
                         .description = "",
                         .x_title = fmt::format("{}, seconds", what),
                         .y_title = "% of the requests",
                         .x_scale = pages::Scale::Log,
                         .series = {},
                         .levels = {}};
  for (const NamedDetails& run : runs) {
    pages::Series series{.name = run.name, .points = {}};
    for (const lab::CurvePoint& point : (*run.details).*curve) series.points.push_back({.x = point.value, .y = 100 * point.share});
    if (series.points.size() > 50) {
      chart.description += fmt::format("{}: half of the requests within {:.3g} s. ", run.name, series.points[50].x);
    }
    chart.series.push_back(std::move(series));
  }
  return pages::draw(chart);
}

std::string strip_chart(std::string_view which, const NamedDetails& run) {
  const lab::Timeline& timeline = run.details->timeline;
  pages::StripChart chart{.title = fmt::format("{}: requests at each endpoint over time, {}", run.name, which),
                          .description = "One strip per endpoint from the begin to the end of the run, the darker the more requests.",
                          .x_title = "seconds",
                          .x_high = seconds(timeline.step) * lab::TimelineColumnsMax,
                          .rows = run.details->row_names,
                          .values = timeline.in_flight,
                          .unit = timeline.endpoints_per_row == 1
                                      ? "requests at once"
                                      : fmt::format("requests at once, mean of {} endpoints", timeline.endpoints_per_row)};
  return pages::draw(chart);
}

std::string hits_chart(std::string_view which, std::span<const NamedDetails> runs) {
  pages::LineChart chart{.title = fmt::format("Prompt tokens found in caches over time, {}", which),
                         .description = "Share of the prompt tokens of the requests that arrived in each stretch of time.",
                         .x_title = "seconds",
                         .y_title = "% of the prompt tokens",
                         .series = {},
                         .levels = {}};
  for (const NamedDetails& run : runs) {
    pages::Series series{.name = run.name, .points = {}};
    const lab::Timeline& timeline = run.details->timeline;
    for (std::size_t i = 0; i < timeline.hit_share.size(); ++i) {
      if (timeline.hit_share[i] < 0) continue;
      series.points.push_back({.x = (static_cast<double>(i) + .5) * seconds(timeline.step), .y = 100 * timeline.hit_share[i]});
    }
    chart.series.push_back(std::move(series));
  }
  return pages::draw(chart);
}

}  // namespace

pages::Table figures_table(std::string caption, std::string first_column, std::span<const NamedFigures> rows) {
  pages::Table table{.caption = std::move(caption), .head = {std::move(first_column)}, .rows = {}};
  for (const lab::Figure figure : Columns) table.head.emplace_back(lab::kind_of(figure).label);
  for (const NamedFigures& row : rows) {
    table.rows.push_back(figures_row(row.name, row.figures.all));
    for (std::size_t i = 0; i < row.figures.classes.size(); ++i) {
      if (!row.figures.classes[i]) continue;
      table.rows.push_back(
          figures_row(fmt::format("\u2003{}", route::priority_name(static_cast<route::Priority>(i))), *row.figures.classes[i]));
    }
  }
  return table;
}

void put_run_charts(pages::Page& page, std::string_view which, std::span<const NamedDetails> runs) {
  page.put(distribution_chart("time to first token", which, runs, &RunDetails::first_token_s));
  page.put(distribution_chart("time per output token", which, runs, &RunDetails::token_s));
  for (std::size_t i = 0; i < std::min(runs.size(), StripChartsMax); ++i) page.put(strip_chart(which, runs[i]));
  if (runs.size() > StripChartsMax)
    page.paragraph(fmt::format("Endpoints over time are shown of the first {} of {}.", StripChartsMax, runs.size()));
  page.put(hits_chart(which, runs));
}

std::string value_text(lab::Figure figure, double value) {
  const lab::FigureKind& kind = lab::kind_of(figure);
  if (kind.is_share()) return fmt::format("{:.2f} %", 100 * value);
  if (kind.unit != "ms") return fmt::format("{:.4g}", value);
  if (value < 100) return fmt::format("{:.3g} ms", value);
  return value < 1000 ? fmt::format("{:.0f} ms", value) : fmt::format("{:.4g} s", value / 1000);
}

double shown_value(lab::Figure figure, double value) {
  const lab::FigureKind& kind = lab::kind_of(figure);
  return kind.is_share() ? 100 * value : kind.unit == "ms" ? value / 1000 : value;
}

std::string axis_title(lab::Figure figure) {
  const lab::FigureKind& kind = lab::kind_of(figure);
  return fmt::format("{}, {}", kind.label, kind.is_share() ? "%" : kind.unit == "ms" ? "seconds" : kind.unit);
}

std::string draw(const FigureChart& chart) {
  pages::LineChart lines{.title = chart.title,
                         .description = "",
                         .x_title = chart.x_title,
                         .y_title = axis_title(chart.figure),
                         .y_scale = chart.scale,
                         .series = chart.series,
                         .levels = {}};
  for (const double level : chart.levels) lines.levels.push_back(shown_value(chart.figure, level));
  for (pages::Series& series : lines.series) {
    for (pages::Point& point : series.points) point.y = shown_value(chart.figure, point.y);
    if (series.points.empty()) continue;
    lines.description += fmt::format("{}: {:.4g} at {:.4g}, {:.4g} at {:.4g}. ", series.name, series.points.front().y,
                                     series.points.front().x, series.points.back().y, series.points.back().x);
  }
  return pages::draw(lines);
}

}  // namespace evener::cli
