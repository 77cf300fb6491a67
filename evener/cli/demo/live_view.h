#pragma once
// The live view as text: a frame of values in, lines out. Knows nothing of terminals beyond their width and what they can show.

#include <cstdint>
#include <string>
#include <vector>

#include "evener/cli/demo/live_figures.h"
#include "evener/cli/demo/styled_text.h"
#include "evener/route/view.h"

namespace evener::cli::demo {

struct EngineLine {
  std::string name;
  double strength = 1;
  route::Health health{};
  std::uint32_t in_flight = 0;
  std::uint32_t batch = 1;  // more in flight than this wait inside the engine
};

struct Progress {
  std::string what;  // "live", "comparing 7 policies"
  double done_s = 0, planned_s = 0;
};

struct LiveFrame {
  std::string policy;
  double rate_per_s = 0, utilisation = 0;
  std::string url, admin_url, admin_token_file;
  std::string slow_engine;  // named in the legend
  std::vector<EngineLine> engines;
  LiveFigures figures;  // figures.engines in the order of engines
  std::vector<std::string> story;
  Progress progress;
};

/// Heading, engines, totals, and what has happened.
[[nodiscard]] std::vector<std::string> board_lines(const LiveFrame& frame, const TextStyle& style);

/// The same with progress and explanations. The most important lines first, so that a low terminal may leave out the last ones.
[[nodiscard]] std::vector<std::string> live_lines(const LiveFrame& frame, const TextStyle& style);

/// One line for a log: no colours, no bars.
[[nodiscard]] std::string progress_line(const LiveFrame& frame);

}  // namespace evener::cli::demo
