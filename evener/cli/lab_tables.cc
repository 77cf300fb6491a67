#include "evener/cli/lab_tables.h"

#include <fmt/format.h>

#include "evener/base/json_writer.h"

namespace evener::cli {

using lab::Figure;

void print_figures_head() {
  fmt::print("{:<24}{:>9}{:>9}{:>11}{:>9}{:>9}{:>9}{:>11}{:>10}{:>11}{:>7}{:>8}{:>7}{:>9}\n", "policy", "good %", "good/s", "TTFT mean",
             "p50", "p90", "p99", "TPOT mean", "p90", "out tok/s", "hit %", "imbal.", "lost %", "spread %");
}

void print_figures(std::string_view name, const lab::Figures& figures) {
  const auto percent = [&](Figure figure) { return 100 * figures[figure]; };
  const auto in_s = [&](Figure figure) { return figures[figure] / 1000; };
  fmt::print("{:<24}{:>9.2f}{:>9.3f}{:>11.3f}{:>9.3f}{:>9.3f}{:>9.3f}{:>11.4f}{:>10.4f}{:>11.0f}{:>7.1f}{:>8.3f}{:>7.2f}{:>9.1f}\n", name,
             percent(Figure::GoodShare), figures[Figure::Goodput], in_s(Figure::TtftMean), in_s(Figure::TtftP50), in_s(Figure::TtftP90),
             in_s(Figure::TtftP99), in_s(Figure::TpotMean), in_s(Figure::TpotP90), figures[Figure::OutputRate], percent(Figure::HitShare),
             figures[Figure::Imbalance], percent(Figure::ErrorShare), percent(Figure::TenantSpread));
}

void print_figures(std::string_view name, const RunFigures& figures) {
  print_figures(name, figures.all);
  for (std::size_t i = 0; i < figures.classes.size(); ++i) {
    if (figures.classes[i]) print_figures(fmt::format("  {}", route::priority_name(static_cast<route::Priority>(i))), *figures.classes[i]);
  }
}

void write_figures(JsonWriter& json, const lab::Figures& figures) {
  std::string_view open;
  for (std::size_t i = 0; i < lab::FigureCount; ++i) {
    const lab::FigureKind& kind = lab::kind_of(static_cast<Figure>(i));
    if (kind.metric != open) {
      if (!open.empty()) json.end_object();
      json.key(kind.metric).begin_object().member("unit", kind.unit);
      open = kind.metric;
    }
    json.member(kind.statistic, figures.values[i]);
  }
  json.end_object();
}

void write_figures(JsonWriter& json, const RunFigures& figures) {
  write_figures(json, figures.all);
  json.key("classes").begin_array();
  for (std::size_t i = 0; i < figures.classes.size(); ++i) {
    if (!figures.classes[i]) continue;
    json.begin_object().member("class", route::priority_name(static_cast<route::Priority>(i)));
    write_figures(json, *figures.classes[i]);
    json.end_object();
  }
  json.end_array();
}

}  // namespace evener::cli
