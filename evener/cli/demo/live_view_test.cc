#include "evener/cli/demo/live_view.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <numeric>

namespace evener::cli::demo {
namespace {

LiveFrame frame_of_two() {
  LiveFrame frame;
  frame.policy = "least-request";
  frame.rate_per_s = 79.1;
  frame.utilisation = 0.75;
  frame.url = "http://127.0.0.1:40001";
  frame.admin_url = "http://127.0.0.1:40002/";
  frame.admin_token_file = "/tmp/x/admin.token";
  frame.slow_engine = "slow";
  frame.engines = {{.name = "strong", .strength = 4, .health = route::Health::Healthy, .in_flight = 16, .batch = 12},
                   {.name = "middle-2", .strength = 2, .health = route::Health::Down, .in_flight = 0, .batch = 8}};
  frame.figures.requests_per_s = 78.2;
  frame.figures.tokens_per_s = 1260;
  frame.figures.ttft_p50_s = 0.0471;
  frame.figures.ttft_p99_s = 1.5;
  frame.figures.answered = 500;
  frame.figures.engines = {{.requests_per_s = 29.5, .share = 0.38, .ttft_p50_s = 0.0385}, {}};
  frame.progress = {.what = "live", .done_s = 5, .planned_s = 10};
  return frame;
}

std::string joined(const std::vector<std::string>& lines) {
  return std::accumulate(lines.begin(), lines.end(), std::string(),
                         [](std::string all, const std::string& line) { return std::move(all) + line + "\n"; });
}

std::string line_with(const std::vector<std::string>& lines, std::string_view part) {
  const auto found = std::ranges::find_if(lines, [&](const std::string& line) { return line.find(part) != std::string::npos; });
  return found == lines.end() ? "" : *found;
}

TEST_CASE("each engine's line says its strength, state, load, rate, share and first token") {
  const auto lines = live_lines(frame_of_two(), {.color = false, .unicode = true, .width = 80});
  CHECK(line_with(lines, "strong ") == "strong      4x     ● healthy  ████████████████▉     16   29.5   38 %     38.5 ms");
  CHECK(line_with(lines, "middle-2") == "middle-2    2x     ✕ down                            0    0.0    0 %           -");
  CHECK(line_with(lines, "together") == "together  78 req/s  1260 tokens/s  first token p50 47.1 ms  p99 1.50 s  0 errors");
}

TEST_CASE("no line is wider than the terminal, in any width") {
  LiveFrame frame = frame_of_two();
  frame.story = {std::string(300, 'x')};
  for (std::size_t width = 1; width <= 200; ++width) {
    for (const bool unicode : {false, true}) {
      for (const std::string& line : live_lines(frame, {.color = false, .unicode = unicode, .width = width}))
        CHECK(columns_of(line) <= width);
    }
  }
}

TEST_CASE("without colour there is no escape code, and without UTF-8 only ASCII") {
  const std::string text = joined(live_lines(frame_of_two(), {.color = false, .unicode = false, .width = 120}));
  CHECK(std::ranges::all_of(text, [](char c) { return c == '\n' || (c >= ' ' && c <= '~'); }));
  CHECK(text.find("x down") != std::string::npos);
}

TEST_CASE("requests beyond an engine's batch are shown in another colour than those it computes") {
  LiveFrame frame = frame_of_two();
  const TextStyle style{.color = true, .unicode = true, .width = 120};
  CHECK(line_with(live_lines(frame, style), "strong").find("\x1b[33m█") != std::string::npos);
  frame.engines[0].in_flight = 12;
  CHECK(line_with(live_lines(frame, style), "strong").find("\x1b[33m█") == std::string::npos);
}

TEST_CASE("an overlong queue fills its bar and no more") {
  LiveFrame frame = frame_of_two();
  frame.engines[0].in_flight = 4000;
  const auto lines = live_lines(frame, {.color = false, .unicode = true, .width = 80});
  CHECK(line_with(lines, "strong ") == "strong      4x     ● healthy  ███████████████████ 4000   29.5   38 %     38.5 ms");
}

TEST_CASE("errors are red, and none are green") {
  LiveFrame frame = frame_of_two();
  const TextStyle style{.color = true, .unicode = true, .width = 120};
  CHECK(line_with(live_lines(frame, style), "together").find("\x1b[32m0 errors") != std::string::npos);
  frame.figures.failed = 3;
  CHECK(line_with(live_lines(frame, style), "together").find("\x1b[31m3 errors") != std::string::npos);
}

TEST_CASE("of a long story the last five sentences are shown, and the view has the same height with none") {
  LiveFrame frame = frame_of_two();
  const TextStyle style{.color = false, .unicode = true, .width = 100};
  const std::size_t height = live_lines(frame, style).size();
  frame.story = {"one", "two", "three", "four", "five", "six"};
  const auto lines = live_lines(frame, style);
  CHECK(lines.size() == height);
  CHECK(std::ranges::count(lines, "one") == 0);
  CHECK(std::ranges::count(lines, "two") == 1);
  CHECK(std::ranges::count(lines, "six") == 1);
}

TEST_CASE("where to reach the gateway and the status page is in every view") {
  const std::string text = joined(board_lines(frame_of_two(), {.color = false, .unicode = true, .width = 80}));
  CHECK(text.find("gateway http://127.0.0.1:40001/v1   status page http://127.0.0.1:40002/\n") != std::string::npos);
}

TEST_CASE("progress never exceeds what was planned") {
  LiveFrame frame = frame_of_two();
  frame.progress = {.what = "comparing", .done_s = 9, .planned_s = 6};
  CHECK(line_with(live_lines(frame, {.color = false, .unicode = false, .width = 80}), "comparing") ==
        "########################  comparing: 6 of 6 s");
}

TEST_CASE("a line for a log says the same in words") {
  CHECK(progress_line(frame_of_two()) ==
        "5 of 10 s: 78 requests/s, 1260 tokens/s, first token p50 47.1 ms p99 1.50 s, 0 errors; share strong 38%, middle-2 0%");
}

}  // namespace
}  // namespace evener::cli::demo
