#include "evener/lab/simulated_servers.h"

#include <utility>
#include <variant>

#include "evener/lab/engine_server.h"

namespace evener::lab {

using Kind = SimulationEvent::Kind;

void SimulatedServers::add() {
  const std::uint32_t endpoint = count();
  const SimulatedEndpoint& settings = scenario_.endpoints[endpoint];
  servers_.push_back(
      {.model = make_model(endpoint), .there = settings.network / 2 + settings.request_overhead, .back = settings.network / 2});
  if (settings.slows_at > Duration::zero()) {
    time_.after(settings.slows_at, {.kind = Kind::Slow, .subject = endpoint});
  } else {
    servers_.back().slowdown = settings.slowdown;
    servers_.back().model->set_slowdown(settings.slowdown, time_.now);
  }
  if (settings.recovers_at < Duration::max()) time_.after(settings.recovers_at, {.kind = Kind::Recover, .subject = endpoint});
  if (settings.failures.mean_between > Duration::zero()) plan_failure(endpoint);
}

std::unique_ptr<RequestServer> SimulatedServers::make_model(std::uint32_t endpoint) const {
  const Rng rng = rng_.fork(ServiceStream);
  struct Make {
    const Scenario& scenario;
    const Rng& rng;
    std::unique_ptr<RequestServer> operator()(const EngineConfig& config) {
      return std::make_unique<EngineServer>(config, scenario.steps_at_once);
    }
    std::unique_ptr<RequestServer> operator()(const ServiceConfig& config) { return std::make_unique<ServiceModel>(config, rng); }
    std::unique_ptr<RequestServer> operator()(const SharingConfig& config) { return std::make_unique<SharingModel>(config); }
    std::unique_ptr<RequestServer> operator()(const ExternalConfig& config) { return std::make_unique<ExternalModel>(config, rng); }
  };
  return std::visit(Make{scenario_, rng}, scenario_.endpoints[endpoint].engine);
}

std::optional<JobRefused> SimulatedServers::submit(std::uint32_t endpoint, Job job) {
  auto refused = servers_[endpoint].model->submit(std::move(job), time_.now);
  follow(endpoint);
  return refused;
}

void SimulatedServers::cancel(std::uint32_t endpoint, std::uint64_t job) {
  servers_[endpoint].model->cancel(job, time_.now);
  follow(endpoint);
}

/// Puts the next event of the endpoint's model into the heap, if it is another than before.
void SimulatedServers::follow(std::uint32_t endpoint) {
  Server& server = servers_[endpoint];
  const Instant due = server.model->due();
  if (due == server.due) return;
  server.due = due;
  ++server.number;
  if (due < Instant::max()) time_.events.push(due, {.kind = Kind::Due, .subject = endpoint, .number = server.number});
}

bool SimulatedServers::advance(std::uint32_t endpoint, std::uint32_t number, std::vector<JobNews>& out) {
  Server& server = servers_[endpoint];
  if (number != server.number) return false;
  server.due = Instant::max();
  server.model->advance(time_.now, out);
  return true;
}

void SimulatedServers::resume(std::uint32_t endpoint) {
  servers_[endpoint].model->resume(time_.now);
  follow(endpoint);
}

// Trouble -----------------------------------------------------------------------------------------------------------------------------

void SimulatedServers::set_slowdown(std::uint32_t endpoint, double factor) {
  servers_[endpoint].slowdown = factor;
  servers_[endpoint].model->set_slowdown(factor, time_.now);
  follow(endpoint);
}

void SimulatedServers::plan_failure(std::uint32_t endpoint) {
  const double mean_s = seconds(scenario_.endpoints[endpoint].failures.mean_between);
  Rng draw = rng_.fork(FailureStream).fork(endpoint).fork(2 * results_[endpoint].failures);
  time_.after(from_seconds(draw.exponential(mean_s)), {.kind = Kind::Fail, .subject = endpoint});
}

void SimulatedServers::fail(std::uint32_t endpoint) {
  Server& server = servers_[endpoint];
  const double mean_s = seconds(scenario_.endpoints[endpoint].failures.mean_repair);
  Rng draw = rng_.fork(FailureStream).fork(endpoint).fork(2 * results_[endpoint].failures + 1);
  ++results_[endpoint].failures;
  time_.after(from_seconds(draw.exponential(mean_s)), {.kind = Kind::Repair, .subject = endpoint});
  server.down = true;
  note_work(endpoint);
  server.model = make_model(endpoint);
  server.model->set_slowdown(server.slowdown, time_.now);
  follow(endpoint);
}

void SimulatedServers::repair(std::uint32_t endpoint) {
  servers_[endpoint].down = false;
  plan_failure(endpoint);
}

// What they say of themselves ---------------------------------------------------------------------------------------------------------

route::LoadReport SimulatedServers::report(std::uint32_t endpoint) {
  route::LoadReport report = servers_[endpoint].model->report(time_.now);
  report.at = time_.now;
  return report;
}

std::optional<route::LoadReport> SimulatedServers::read(std::uint32_t endpoint) {
  std::optional<route::LoadReport> there;
  if (!servers_[endpoint].down) {
    there = report(endpoint);
    if (scenario_.reports->delay > Duration::zero()) {
      servers_[endpoint].on_the_way.push_back(*std::exchange(there, std::nullopt));
      time_.after(scenario_.reports->delay, {.kind = Kind::Report, .subject = endpoint});
    }
  }
  time_.after(scenario_.reports->period, {.kind = Kind::Read, .subject = endpoint});
  return there;
}

route::LoadReport SimulatedServers::arrived(std::uint32_t endpoint) {
  std::deque<route::LoadReport>& on_the_way = servers_[endpoint].on_the_way;
  route::LoadReport report = std::move(on_the_way.front());
  on_the_way.pop_front();
  return report;
}

void SimulatedServers::note_work(std::uint32_t endpoint) {
  results_[endpoint].busy += servers_[endpoint].model->busy();
  results_[endpoint].totals += servers_[endpoint].model->totals();
}

}  // namespace evener::lab
