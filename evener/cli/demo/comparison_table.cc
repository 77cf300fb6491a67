#include "evener/cli/demo/comparison_table.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace evener::cli::demo {
namespace {

// 80 columns together: each figure is followed by the place of its star.
constexpr std::size_t PolicyColumns = 20, TimeColumns = 9, GoodputColumns = 8, ErrorColumns = 7, ShareColumnsMin = 5;

enum class Better : std::uint8_t { Less, More };

struct Column {
  std::string title;
  std::size_t width = 0;
  Better better = Better::Less;
  std::vector<std::string> cells;
  std::vector<double> values;  // what the cells say, rounded as they are; NaN = no value
};

/// As shown: what a reader cannot tell apart is equal.
double shown(double seconds) {
  return seconds < 0.0995   ? std::round(seconds * 1e4) / 1e4
         : seconds < 0.9995 ? std::round(seconds * 1e3) / 1e3
                            : std::round(seconds * 1e2) / 1e2;
}

Column time_column(std::string title, const std::vector<PolicyFigures>& policies, std::optional<double> PolicyFigures::* member) {
  Column column{.title = std::move(title), .width = TimeColumns, .better = Better::Less, .cells = {}, .values = {}};
  for (const PolicyFigures& policy : policies) {
    const std::optional<double>& value = policy.*member;
    column.cells.push_back(time_text(value.value_or(-1)));
    column.values.push_back(value ? shown(*value) : std::nan(""));
  }
  return column;
}

/// Marks per row; none at all when every row has the same value.
std::vector<bool> best_of(const Column& column) {
  std::vector<bool> best(column.values.size(), false);
  double winner = std::nan("");
  bool differs = false;
  for (const double value : column.values) {
    differs = differs || !(value == column.values.front());
    if (std::isnan(value)) continue;
    if (std::isnan(winner) || (column.better == Better::Less ? value < winner : value > winner)) winner = value;
  }
  if (!differs) return best;
  for (std::size_t i = 0; i < best.size(); ++i) best[i] = column.values[i] == winner;
  return best;
}

double share_of(const PolicyFigures& figures, const ShareColumn& column, double EngineShare::* member) {
  double sum = 0;
  for (const EngineShare& engine : figures.engines) {
    if (std::ranges::find(column.engines, engine.name) != column.engines.end()) sum += engine.*member;
  }
  return sum;
}

std::string percent(double share) { return fmt::format("{:.0f}%", share * 100); }

/// The first one follows the place of a star, which keeps it apart already.
std::size_t width_of(const ShareColumn& column, bool first) {
  return std::max(ShareColumnsMin, columns_of(column.title) + (first ? 0 : 1));
}

}  // namespace

std::vector<ShareColumn> share_columns(const Scenario& scenario) {
  const auto name = [&](std::size_t engine) { return scenario.engines[engine].name; };
  double least = scenario.engines.front().strength;
  for (const DemoEngine& engine : scenario.engines) least = std::min(least, engine.strength);
  ShareColumn weakest;
  for (const DemoEngine& engine : scenario.engines) {
    if (engine.strength == least) weakest.engines.push_back(engine.name);
  }
  weakest.title = fmt::format("{} weak", weakest.engines.size());
  return {{.title = name(scenario.strong), .engines = {name(scenario.strong)}},
          {.title = name(scenario.slow), .engines = {name(scenario.slow)}},
          weakest};
}

std::vector<std::string> comparison_lines(const Comparison& comparison, const std::vector<ShareColumn>& shares, const TextStyle& style) {
  const std::vector<PolicyFigures>& policies = comparison.policies;
  std::vector<Column> columns;
  columns.push_back(time_column("TTFT p50", policies, &PolicyFigures::ttft_p50_s));
  columns.push_back(time_column("TTFT p99", policies, &PolicyFigures::ttft_p99_s));
  columns.push_back(time_column("TPOT p50", policies, &PolicyFigures::tpot_p50_s));
  Column goodput{.title = "goodput", .width = GoodputColumns, .better = Better::More, .cells = {}, .values = {}};
  Column errors{.title = "errors", .width = ErrorColumns, .better = Better::Less, .cells = {}, .values = {}};
  for (const PolicyFigures& policy : policies) {
    goodput.cells.push_back(fmt::format("{:.1f}", policy.goodput_per_s));
    goodput.values.push_back(std::round(policy.goodput_per_s * 10) / 10);
    errors.cells.push_back(fmt::format("{}", policy.errors));
    errors.values.push_back(static_cast<double>(policy.errors));
  }
  columns.push_back(std::move(goodput));
  columns.push_back(std::move(errors));

  std::vector<std::string> lines;
  StyledLine heading(style);
  heading.add_left("policy", PolicyColumns, Ink::Bold);
  for (const Column& column : columns) heading.add_right(column.title, column.width - 1, Ink::Bold).add(" ");
  const auto put_shares = [&](StyledLine& line, const auto& text_of, Ink ink) {
    for (const ShareColumn& share : shares) line.add_right(text_of(share), width_of(share, &share == shares.data()), ink);
  };
  put_shares(heading, [](const ShareColumn& share) { return share.title; }, Ink::Bold);
  lines.push_back(heading.text());

  std::vector<std::vector<bool>> best;
  best.reserve(columns.size());
  for (const Column& column : columns) best.push_back(best_of(column));
  for (std::size_t row = 0; row < policies.size(); ++row) {
    StyledLine line(style);
    line.add_left(policies[row].policy, PolicyColumns);
    for (std::size_t c = 0; c < columns.size(); ++c) {
      const bool marked = best[c][row];
      line.add_right(columns[c].cells[row], columns[c].width - 1, marked ? Ink::Good : Ink::Plain).add(marked ? "*" : " ", Ink::Good);
    }
    put_shares(line, [&](const ShareColumn& share) { return percent(share_of(policies[row], share, &EngineShare::share)); }, Ink::Plain);
    lines.push_back(line.text());
  }
  if (!policies.empty()) {
    StyledLine line(style);
    std::size_t before = PolicyColumns;
    for (const Column& column : columns) before += column.width;
    line.add_left("what the engines can do", before, Ink::Dim);
    put_shares(
        line, [&](const ShareColumn& share) { return percent(share_of(policies.front(), share, &EngineShare::capacity)); }, Ink::Dim);
    lines.push_back(line.text());
  }
  return lines;
}

std::string verdict(const Comparison& comparison) {
  const PolicyFigures* best = nullptr;
  const PolicyFigures* worst = nullptr;
  for (const PolicyFigures& policy : comparison.policies) {
    if (!policy.ttft_p99_s) continue;
    if (best == nullptr || *policy.ttft_p99_s < *best->ttft_p99_s) best = &policy;
    if (worst == nullptr || *policy.ttft_p99_s > *worst->ttft_p99_s) worst = &policy;
  }
  if (best == nullptr || best == worst) return "";
  if (comparison.lateness_p99_s > LatenessMax_s) {
    return fmt::format("This machine was too busy to compare policies: the load itself was up to {} late. Try again when less else runs.",
                       time_text(comparison.lateness_p99_s));
  }
  const double times = *worst->ttft_p99_s / *best->ttft_p99_s;
  if (times < 1.1)
    return fmt::format("Under this load the policies hardly differ: {} at best and {} at worst for 99 of 100 first tokens.",
                       time_text(*best->ttft_p99_s), time_text(*worst->ttft_p99_s));
  std::string text = fmt::format("With {} 99 of 100 requests had their first token within {}; with {} it took {}, {:.1f} times as long",
                                 best->policy, time_text(*best->ttft_p99_s), worst->policy, time_text(*worst->ttft_p99_s), times);
  // The engine that got most beyond what it can do.
  const EngineShare* overloaded = nullptr;
  for (const EngineShare& engine : worst->engines) {
    if (engine.capacity > 0 && (overloaded == nullptr || engine.share / engine.capacity > overloaded->share / overloaded->capacity))
      overloaded = &engine;
  }
  if (overloaded != nullptr && overloaded->share > 1.15 * overloaded->capacity) {
    text += fmt::format(", because {} of the requests went to '{}', which has {} of the fleet's strength", percent(overloaded->share),
                        overloaded->name, percent(overloaded->capacity));
  }
  return text + ".";
}

}  // namespace evener::cli::demo
