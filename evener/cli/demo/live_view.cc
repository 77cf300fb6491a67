#include "evener/cli/demo/live_view.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace evener::cli::demo {
namespace {

constexpr std::size_t StoryLinesMax = 5, LegendColumnsMax = 100;
constexpr std::size_t NameColumns = 10, StrengthColumns = 8, StateColumns = 11, CountColumns = 5, RateColumns = 7, ShareColumns = 7,
                      TimeColumns = 11;
constexpr std::size_t BarColumnsMin = 6, BarColumnsMax = 24, ProgressColumns = 24;
// The in-flight bars of all engines have one scale, so that their lengths compare; it ends where the strongest has half a batch waiting.
constexpr double ScaleOverBatch = 1.5;
// The share bars end here: no engine of a balanced fleet has more.
constexpr double ShareScale = 0.5;

struct Layout {
  std::size_t in_flight_bar = 0, share_bar = 0;
};

/// What is left beside the figures goes to the bars, first to that of the requests in flight.
Layout layout_of(std::size_t width) {
  constexpr std::size_t Fixed = NameColumns + StrengthColumns + StateColumns + CountColumns + RateColumns + ShareColumns + TimeColumns + 2;
  const std::size_t left = width - std::min(width, Fixed);
  Layout layout;
  layout.in_flight_bar = std::clamp(left, BarColumnsMin, BarColumnsMax);
  if (left > layout.in_flight_bar + BarColumnsMin) layout.share_bar = std::min(left - layout.in_flight_bar - 1, BarColumnsMax);
  return layout;
}

struct State {
  std::string_view symbol, ascii_symbol, word;
  Ink ink;
};

State state_of(route::Health health) {
  switch (health) {
    case route::Health::Healthy: return {"●", "+", "healthy", Ink::Good};
    case route::Health::Down: return {"✕", "x", "down", Ink::Bad};
    case route::Health::Ejected: return {"✕", "x", "ejected", Ink::Bad};
    case route::Health::Backoff: return {"◐", "o", "backoff", Ink::Warn};
    case route::Health::Draining: return {"◐", "o", "draining", Ink::Warn};
  }
  return {"?", "?", "unknown", Ink::Warn};
}

std::string percent(double share) { return fmt::format("{:.0f} %", share * 100); }
std::string optional_time(const std::optional<double>& seconds) { return time_text(seconds.value_or(-1)); }

std::string heading(const Layout& layout, const TextStyle& style) {
  StyledLine line(style);
  line.add_left("engine", NameColumns, Ink::Dim)
      .add_left("strength", StrengthColumns + 1, Ink::Dim)
      .add_left("state", StateColumns, Ink::Dim);
  line.add_left("in flight", layout.in_flight_bar + CountColumns, Ink::Dim).add_right("req/s", RateColumns, Ink::Dim);
  line.add_right("share", ShareColumns, Ink::Dim);
  if (layout.share_bar > 0) line.add_left("", layout.share_bar + 1);
  line.add_right("first token", TimeColumns + 1, Ink::Dim);
  return line.text();
}

std::string engine_line(const EngineLine& engine, const EngineFigures& figures, double in_flight_scale, const Layout& layout,
                        const TextStyle& style) {
  const State state = state_of(engine.health);
  StyledLine line(style);
  line.add_left(engine.name, NameColumns, Ink::Bold);
  line.add_right(fmt::format("{:g}x", engine.strength), 4).add("     ");
  line.add_left(fmt::format("{} {}", style.unicode ? state.symbol : state.ascii_symbol, state.word), StateColumns, state.ink);

  const double cells_per_request = static_cast<double>(layout.in_flight_bar) / in_flight_scale;
  const std::uint32_t computed = std::min(engine.in_flight, engine.batch);
  const std::size_t start = line.column();
  double computed_cells = computed * cells_per_request;
  if (engine.in_flight > computed) computed_cells = std::round(computed_cells);  // a part of a cell would be a gap before the next colour
  line.add(bar(computed_cells, layout.in_flight_bar, style), Ink::Good);
  const std::size_t room = layout.in_flight_bar - std::min(layout.in_flight_bar, line.column() - start);
  line.add(bar(engine.in_flight * cells_per_request - computed_cells, room, style), Ink::Warn);
  line.add_left("", layout.in_flight_bar - std::min(layout.in_flight_bar, line.column() - start));
  line.add_right(fmt::format("{}", engine.in_flight), CountColumns, engine.in_flight > engine.batch ? Ink::Warn : Ink::Plain);

  line.add_right(fmt::format("{:.1f}", figures.requests_per_s), RateColumns).add_right(percent(figures.share), ShareColumns);
  if (layout.share_bar > 0) {
    line.add(" ").add_left(bar(figures.share / ShareScale * static_cast<double>(layout.share_bar), layout.share_bar, style),
                           layout.share_bar, Ink::Accent);
  }
  line.add_right(optional_time(figures.ttft_p50_s), TimeColumns + 1);
  return line.text();
}

std::string totals_line(const LiveFigures& figures, const TextStyle& style) {
  StyledLine line(style);
  line.add_left("together", NameColumns, Ink::Bold);
  line.add(fmt::format("{:.0f}", figures.requests_per_s), Ink::Bold).add(" req/s  ");
  line.add(fmt::format("{:.0f}", figures.tokens_per_s), Ink::Bold).add(" tokens/s  first token p50 ");
  line.add(optional_time(figures.ttft_p50_s), Ink::Bold).add("  p99 ").add(optional_time(figures.ttft_p99_s), Ink::Bold);
  line.add("  ").add(fmt::format("{} errors", figures.failed), figures.failed == 0 ? Ink::Good : Ink::Bad);
  line.add(fmt::format(" of {}", figures.answered + figures.failed), Ink::Dim);
  return line.text();
}

std::string progress_bar(const Progress& progress, const TextStyle& style) {
  const double share = progress.planned_s > 0 ? std::clamp(progress.done_s / progress.planned_s, 0.0, 1.0) : 1;
  const std::string done = bar(share * ProgressColumns, ProgressColumns, style);
  StyledLine line(style);
  line.add(done, Ink::Accent);
  for (std::size_t column = columns_of(done); column < ProgressColumns; ++column) line.add(style.unicode ? "░" : "-", Ink::Dim);
  line.add(fmt::format("  {}: {:.0f} of {:.0f} s", progress.what, std::min(progress.done_s, progress.planned_s), progress.planned_s));
  return line.text();
}

}  // namespace

std::vector<std::string> board_lines(const LiveFrame& frame, const TextStyle& style) {
  const Layout layout = layout_of(style.width);
  std::vector<std::string> lines;
  lines.push_back(StyledLine(style)
                      .add("evener demo", Ink::Bold)
                      .add(fmt::format("  {} over {} unequal engines, {:.0f} req/s = {:.0f} % of capacity", frame.policy,
                                       frame.engines.size(), frame.rate_per_s, frame.utilisation * 100))
                      .text());
  lines.push_back(StyledLine(style).add(fmt::format("gateway {}/v1   status page {}", frame.url, frame.admin_url), Ink::Dim).text());
  lines.emplace_back();

  double batch_max = 1;
  for (const EngineLine& engine : frame.engines) batch_max = std::max(batch_max, static_cast<double>(engine.batch));
  lines.push_back(heading(layout, style));
  for (std::size_t i = 0; i < frame.engines.size(); ++i) {
    const EngineFigures figures = i < frame.figures.engines.size() ? frame.figures.engines[i] : EngineFigures{};
    lines.push_back(engine_line(frame.engines[i], figures, batch_max * ScaleOverBatch, layout, style));
  }
  lines.emplace_back();
  lines.push_back(totals_line(frame.figures, style));
  lines.emplace_back();

  // Room for the whole story from the start on, so that what is below it stays in its place.
  const std::size_t skipped = frame.story.size() - std::min(frame.story.size(), StoryLinesMax);
  for (std::size_t i = skipped; i < frame.story.size(); ++i) {
    lines.push_back(StyledLine(style).add(frame.story[i], i + 1 == frame.story.size() ? Ink::Warn : Ink::Plain).text());
  }
  for (std::size_t i = frame.story.size() - skipped; i < StoryLinesMax; ++i) lines.emplace_back();
  lines.emplace_back();
  return lines;
}

std::vector<std::string> live_lines(const LiveFrame& frame, const TextStyle& style) {
  std::vector<std::string> lines = board_lines(frame, style);
  lines.push_back(progress_bar(frame.progress, style));
  lines.emplace_back();
  const std::string legend = fmt::format(
      "Each line is an engine; a longer bar is more requests at it now, what is yellow waits in its queue. Stronger engines get more, so "
      "that all "
      "first tokens come about equally fast. '{}' runs at half the strength the gateway was told. Figures are of the last {:.0f} s. "
      "Status page: any user, the password is in {}",
      frame.slow_engine, seconds(RecentRequests::Window), frame.admin_token_file);
  for (const std::string& line : wrapped(legend, std::min(style.width, LegendColumnsMax)))
    lines.push_back(StyledLine(style).add(line, Ink::Dim).text());
  return lines;
}

std::string progress_line(const LiveFrame& frame) {
  std::string line = fmt::format("{:.0f} of {:.0f} s: {:.0f} requests/s, {:.0f} tokens/s, first token p50 {} p99 {}, {} errors; share",
                                 frame.progress.done_s, frame.progress.planned_s, frame.figures.requests_per_s, frame.figures.tokens_per_s,
                                 optional_time(frame.figures.ttft_p50_s), optional_time(frame.figures.ttft_p99_s), frame.figures.failed);
  for (std::size_t i = 0; i < frame.engines.size() && i < frame.figures.engines.size(); ++i) {
    line += fmt::format("{} {} {:.0f}%", i == 0 ? "" : ",", frame.engines[i].name, frame.figures.engines[i].share * 100);
  }
  return line;
}

}  // namespace evener::cli::demo
