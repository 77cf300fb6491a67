#include "evener/cli/demo/live_run.h"

#include <algorithm>
#include <future>
#include <mutex>

#include "evener/base/clock.h"

namespace evener::cli::demo {
namespace {

constexpr Duration FrameEvery = std::chrono::milliseconds(250);

LiveFrame empty_frame(const Scenario& scenario, const Cluster& cluster, const LiveRunOptions& options) {
  LiveFrame frame{.policy = options.policy,
                  .rate_per_s = rate_per_s(scenario),
                  .utilisation = scenario.utilisation,
                  .url = cluster.url(),
                  .admin_url = cluster.admin_url(),
                  .admin_token_file = options.admin_token_file,
                  .slow_engine = scenario.engines[scenario.slow].name,
                  .engines = {},
                  .figures = {},
                  .story = {},
                  .progress = {.what = "live", .done_s = 0, .planned_s = seconds(options.times.live)}};
  for (const DemoEngine& engine : scenario.engines) {
    frame.engines.push_back({.name = engine.name, .strength = engine.strength, .health = {}, .in_flight = 0, .batch = engine.batch});
  }
  return frame;
}

void read_status(const gateway::Gateway& gateway, std::vector<EngineLine>& engines) {
  for (const gateway::EndpointNow& endpoint : gateway.endpoints()) {
    for (EngineLine& engine : engines) {
      if (engine.name != endpoint.name) continue;
      engine.health = endpoint.status.health;
      engine.in_flight = endpoint.status.in_flight;
    }
  }
}

void act(Failover& failover, Failover::Act what, engine::Fleet& fleet, std::size_t victim) {
  switch (what) {
    case Failover::Act::None: return;
    case Failover::Act::Hang: fleet.set_faults(victim, {.half_open = 1}); return;
    case Failover::Act::Kill: fleet.take_down(victim); return;
    case Failover::Act::Revive:
      fleet.set_faults(victim, {});
      if (fleet.bring_up(victim)) failover.revived();
      return;
  }
}

}  // namespace

Result<LiveRun> run_live(const Scenario& scenario, Cluster& cluster, const LiveRunOptions& options, const std::stop_token& stop,
                         const std::function<void(const LiveFrame&)>& show) {
  std::vector<std::string> names;
  names.reserve(scenario.engines.size());
  for (const DemoEngine& engine : scenario.engines) names.push_back(engine.name);
  const Instant start = monotonic_now();

  // Between the load's thread, which reports requests, and this one.
  std::mutex mutex;
  RecentRequests recent(std::move(names), start);
  std::optional<double> first_answer_unix_s;
  load::LoadCallbacks callbacks;
  callbacks.request = [&](const load::RequestRecord& record) {
    const std::lock_guard lock(mutex);
    recent.add(record);
    if (!first_answer_unix_s && record.failure == load::Failure::None) first_answer_unix_s = static_cast<double>(wall_clock_ns()) / 1e9;
  };
  auto load = std::async(std::launch::async, [load_options = load_options(scenario, cluster.url(), options.times.live, options.seed),
                                              callbacks, stop] { return load::run_load(load_options, callbacks, stop); });

  Failover failover(scenario.engines[scenario.victim].name, options.times);
  LiveFrame frame = empty_frame(scenario, cluster, options), last = frame;
  do {
    const Instant now = monotonic_now();
    read_status(cluster.gateway(), frame.engines);
    const lab::EngineGauges gauges = cluster.fleet().snapshot(scenario.victim).state.gauges;
    const EngineLine& victim = frame.engines[scenario.victim];
    const Failover::Act what = failover.next({.at = now - start,
                                              .computing = gauges.running + gauges.waiting > 0,
                                              .held = victim.in_flight,
                                              .usable = victim.health == route::Health::Healthy});
    act(failover, what, cluster.fleet(), scenario.victim);
    {
      const std::lock_guard lock(mutex);
      frame.figures = recent.at(now);
    }
    frame.story = failover.story();
    frame.progress.done_s = seconds(now - start);
    show(frame);
    // What remains on the screen when all is over is the fleet at work, not its last answers.
    if (now - start < options.times.live) last = frame;
  } while (load.wait_for(FrameEvery) != std::future_status::ready);

  auto report = load.get();
  if (!report) return tl::unexpected(report.error());
  last.story = failover.story();
  last.progress.done_s = std::min(seconds(monotonic_now() - start), last.progress.planned_s);
  return LiveRun{.report = std::move(*report), .failover = failover, .first_answer_unix_s = first_answer_unix_s, .last = std::move(last)};
}

}  // namespace evener::cli::demo
