// evener demo: unequal engines, the gateway and a load in one process. First live, with an engine that dies on the way, then several
// policies under the same load.

#include <CLI/CLI.hpp>
#include <cstdio>
#include <cstdlib>
#include <iostream>

#include "evener/base/clock.h"
#include "evener/base/log.h"
#include "evener/cli/command.h"
#include "evener/cli/demo/cluster.h"
#include "evener/cli/demo/comparison.h"
#include "evener/cli/demo/live_run.h"
#include "evener/cli/demo/summary.h"
#include "evener/cli/demo/terminal.h"
#include "evener/cli/demo/token_file.h"
#include "evener/cli/descriptor_limit.h"
#include "evener/cli/stop_on_signal.h"

namespace evener::cli {
namespace {

constexpr double PlainLineEvery_s = 2.5;

struct DemoArguments {
  unsigned seconds = 20;
  std::uint64_t seed = 15;  // its arrivals keep close to the announced rate, in the first seconds too
  std::string policy = "balanced";
  bool no_live = false, json = false, keep = false;
};

/// Shows frames: redrawn on a terminal, else as a line now and then on standard error. Not thread-safe.
class Viewer {
 public:
  explicit Viewer(bool live) {
    if (live) screen_.emplace();
  }

  void show(const demo::LiveFrame& frame) {
    if (screen_) {
      screen_->draw(demo::live_lines(frame, demo::terminal_style()));
      return;
    }
    for (; told_ < frame.story.size(); ++told_) std::fprintf(stderr, "%s\n", frame.story[told_].c_str());
    if (frame.progress.done_s < next_line_s_) return;
    next_line_s_ = frame.progress.done_s + PlainLineEvery_s;
    std::fprintf(stderr, "%s\n", demo::progress_line(frame).c_str());
  }
  void say(const std::string& line) const {
    if (!screen_) std::fprintf(stderr, "%s\n", line.c_str());
  }
  [[nodiscard]] bool live() const { return screen_.has_value(); }
  /// Gives the terminal back.
  void end() { screen_.reset(); }

 private:
  std::optional<demo::LiveScreen> screen_;
  std::size_t told_ = 0;
  double next_line_s_ = PlainLineEvery_s;
};

void print_how_to_try(const demo::DemoResult& result, const std::string& token_file, std::FILE* out) {
  std::fprintf(out,
               "\nThe gateway goes on serving until Ctrl-C. Try:\n"
               "  curl %s/v1/chat/completions -H 'Content-Type: application/json' \\\n"
               "    -d '{\"model\":\"%s\",\"stream\":true,\"max_tokens\":16,\"messages\":[{\"role\":\"user\",\"content\":\"Hello\"}]}'\n"
               "  curl -H \"Authorization: Bearer $(cat %s)\" %sstatus\n",
               result.url.c_str(), demo::ModelName, token_file.c_str(), result.admin_url.c_str());
  std::fflush(out);
}

/// Runs all of it. What was measured before an interruption is in the result.
Result<demo::DemoResult> run(const demo::Scenario& scenario, demo::Cluster& cluster, const DemoArguments& arguments,
                             const std::string& token_file, const demo::StartTime& start, const std::stop_token& stop, Viewer& viewer,
                             demo::LiveFrame& last) {
  const demo::Timetable times = demo::timetable(arguments.seconds);
  demo::DemoResult result{.url = cluster.url(),
                          .admin_url = cluster.admin_url(),
                          .seed = arguments.seed,
                          .first_answer_s = {},
                          .start = start,
                          .live = {},
                          .failover = {},
                          .comparison = {}};
  viewer.say("gateway " + result.url + "/v1, status page " + result.admin_url + " (any user, the password is in " + token_file + ")");

  auto live = demo::run_live(scenario, cluster,
                             {.times = times, .seed = arguments.seed, .policy = arguments.policy, .admin_token_file = token_file}, stop,
                             [&](const demo::LiveFrame& frame) { viewer.show(frame); });
  if (!live) return tl::unexpected(live.error());
  result.live = {
      .policy = arguments.policy,
      .load_s = live->last.progress.done_s,
      .figures = demo::figures_of(arguments.policy, live->report, scenario, from_seconds(std::max(0.001, live->last.progress.done_s))),
      .output_tokens = live->report.output_tokens};
  const demo::Failover& failover = live->failover;
  result.failover = {.engine = scenario.engines[scenario.victim].name, .killed = failover.killed(), .held = failover.held(), .away_s = {}};
  if (const auto away = failover.away()) result.failover.away_s = seconds(*away);
  if (live->first_answer_unix_s) result.first_answer_s = *live->first_answer_unix_s - start.unix_s;
  last = live->last;
  if (stop.stop_requested()) return result;

  demo::LiveFrame frame = last;
  const std::size_t policies = demo::compared_policies().size();
  frame.story.push_back("Now the same load runs through " + std::to_string(policies) + " policies at once, each with its own fleet.");
  frame.progress = {.what = "comparing " + std::to_string(policies) + " policies", .done_s = 0, .planned_s = seconds(times.compare)};
  if (viewer.live()) viewer.show(frame);
  viewer.say(frame.story.back());
  auto comparison = demo::compare_policies(scenario, times.compare, arguments.seed, stop, [&](double elapsed_s) {
    frame.progress.done_s = elapsed_s;
    if (viewer.live()) viewer.show(frame);
  });
  if (!comparison) return tl::unexpected(comparison.error());
  if (!stop.stop_requested()) result.comparison = std::move(*comparison);
  return result;
}

}  // namespace

int demo_command(int argc, char** argv) {
  const demo::StartTime start = demo::start_time(std::getenv("EVENER_STARTED_AT"), static_cast<double>(wall_clock_ns()) / 1e9);
  CLI::App app("Starts unequal emulated engines, the gateway and a load, shows the balance live, and compares policies.", "evener demo");
  DemoArguments arguments;
  app.add_option("--seconds", arguments.seconds, "About how long it takes (default: 20)")
      ->check(CLI::Range(demo::SecondsMin, demo::SecondsMax));
  app.add_option("--policy", arguments.policy, "Policy of the live part (default: balanced)");
  app.add_option("--seed", arguments.seed, "Of the requests' moments and lengths, and of the gateway's chance (default: 15)")
      ->check(CLI::NonNegativeNumber);
  app.add_flag("--no-live", arguments.no_live, "Plain lines on standard error instead of the live view");
  app.add_flag("--json", arguments.json, "Result as JSON; no live view");
  app.add_flag("--keep", arguments.keep, "Go on serving afterwards, until Ctrl-C");
  app.footer(
      "Examples:\n"
      "  evener demo\n"
      "  evener demo --policy round-robin --seconds 30\n"
      "  evener demo --keep\n"
      "Everything listens on free ports of 127.0.0.1 and goes through real HTTP; only the engines' computing is emulated.\n"
      "Exit codes: 0 all went well, 1 requests failed or something could not start, 2 wrong usage, 130 interrupted.");
  if (const auto code = parse_arguments(app, argc, argv)) return *code;
  const auto policy = route::policy_kind(arguments.policy);
  if (!policy) {
    std::string known;
    for (const auto name : route::policy_names()) known += " " + std::string(name);
    std::cerr << "evener demo: --policy " << arguments.policy << " is not known; the policies are:" << known << "\n";
    return Usage;
  }

  const StopOnSignal signals;
  raise_descriptor_limit();
  // Events such as an engine that is down are what the view shows; between its lines they would only disturb.
  log::set_level(log::Level::Error);
  const demo::Scenario scenario = demo::make_scenario();
  const auto token = demo::TokenFile::make();
  const auto cluster =
      token ? demo::Cluster::start(
                  scenario,
                  {.policy = *policy, .seed = arguments.seed, .fleet_threads = 0, .gateway_workers = 0, .admin_token_file = token->path()})
            : tl::unexpected(token.error());
  if (!cluster) {
    std::cerr << "evener demo: " << cluster.error().message << "\n";
    return Failure;
  }

  Viewer viewer(!arguments.no_live && !arguments.json && demo::can_redraw());
  demo::LiveFrame last;
  const auto result = run(scenario, **cluster, arguments, token->path(), start, signals.token(), viewer, last);
  const bool was_live = viewer.live();
  viewer.end();
  if (!result) {
    std::cerr << "evener demo: " << result.error().message << "\n";
    return Failure;
  }

  const bool interrupted = signals.stopped();
  if (arguments.json) {
    std::cout << demo::summary_json(*result) << "\n" << std::flush;
  } else {
    const demo::TextStyle style = demo::terminal_style();
    std::vector<std::string> lines;
    if (was_live) lines = demo::board_lines(last, style);
    for (const auto& line : demo::summary_lines(*result, demo::share_columns(scenario), style)) lines.push_back(line);
    for (const auto& line : lines) std::cout << line << "\n";
    std::cout << std::flush;
  }
  if (interrupted) {
    std::cerr << "evener demo: interrupted\n";
    return Interrupted;
  }
  if (arguments.keep) {
    print_how_to_try(*result, token->path(), arguments.json ? stderr : stdout);
    signals.wait();
  }
  return demo::errors_of(*result) == 0 ? Ok : Failure;
}

}  // namespace evener::cli
