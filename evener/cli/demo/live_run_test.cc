// The one test of the demo with real engines, a real gateway and real time: about three seconds.
#include "evener/cli/demo/live_run.h"

#include <doctest/doctest.h>

#include "evener/base/log.h"

namespace evener::cli::demo {
namespace {

using namespace std::chrono_literals;

TEST_CASE("an engine that hangs and dies under load costs no request, and the others have served its share") {
  log::set_level(log::Level::Error);
  const Scenario scenario = make_scenario();
  auto cluster = Cluster::start(scenario, {});
  REQUIRE(cluster);
  const Timetable times{.live = 3s, .hang_at = 500ms, .revive_at = 2s, .compare = 0s};
  std::size_t frames = 0;
  bool seen_unusable = false;
  const auto run =
      run_live(scenario, **cluster, {.times = times, .policy = "least-request", .admin_token_file = {}}, {}, [&](const LiveFrame& frame) {
        ++frames;
        REQUIRE(frame.engines.size() == scenario.engines.size());
        seen_unusable = seen_unusable || frame.engines[scenario.victim].health != route::Health::Healthy;
      });
  REQUIRE(run);
  CHECK(frames >= 3);
  CHECK(run->report.failed == 0);
  CHECK(run->report.succeeded > 100);
  CHECK(run->report.endpoints.at("strong").requests > run->report.endpoints.at("weak-1").requests);
  CHECK(run->first_answer_unix_s.has_value());
  // A machine that is too busy to let the begun answers out in time leaves the engine alive.
  if (run->failover.killed()) CHECK(seen_unusable);
}

TEST_CASE("a run that is stopped ends at once and keeps what it has") {
  const Scenario scenario = make_scenario();
  auto cluster = Cluster::start(scenario, {});
  REQUIRE(cluster);
  std::stop_source stop;
  const auto run =
      run_live(scenario, **cluster,
               {.times = {.live = 600s, .hang_at = 200s, .revive_at = 400s, .compare = 0s}, .policy = "random", .admin_token_file = {}},
               stop.get_token(), [&](const LiveFrame& frame) {
                 if (frame.figures.answered > 0) stop.request_stop();
               });
  REQUIRE(run);
  CHECK(run->report.succeeded > 0);
  CHECK(run->last.progress.done_s < 600);
}

}  // namespace
}  // namespace evener::cli::demo
