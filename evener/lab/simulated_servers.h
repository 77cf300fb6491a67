#pragma once
// The servers of a simulation: the models behind its endpoints, when they are slow, fail and come back, and what they report of their load. They know
// nothing of gateways, and of requests no more than their jobs.

#include <deque>
#include <memory>
#include <optional>
#include <vector>

#include "evener/core/rng.h"
#include "evener/lab/request_server.h"
#include "evener/lab/simulation.h"
#include "evener/lab/simulation_parts.h"

namespace evener::lab {

/// Not thread-safe. What it is given outlives it. `results` has a place for each endpoint.
class SimulatedServers {
 public:
  SimulatedServers(const Scenario& scenario, const Rng& rng, SimulationTime& time, std::vector<EndpointResult>& results)
      : scenario_(scenario), rng_(rng), time_(time), results_(results) {}

  /// Sets up the next endpoint of the scenario.
  void add();
  [[nodiscard]] std::uint32_t count() const { return static_cast<std::uint32_t>(servers_.size()); }

  [[nodiscard]] Duration way_there(std::uint32_t endpoint) const { return servers_[endpoint].there; }
  [[nodiscard]] Duration way_back(std::uint32_t endpoint) const { return servers_[endpoint].back; }
  [[nodiscard]] bool is_down(std::uint32_t endpoint) const { return servers_[endpoint].down; }
  [[nodiscard]] std::uint32_t block_tokens(std::uint32_t endpoint) const { return servers_[endpoint].model->block_tokens(); }
  [[nodiscard]] std::optional<RateAllowance> allowance(std::uint32_t endpoint) { return servers_[endpoint].model->allowance(time_.now); }

  [[nodiscard]] std::optional<JobRefused> submit(std::uint32_t endpoint, Job job);
  void cancel(std::uint32_t endpoint, std::uint64_t job);

  /// Appends what has happened by the event `number`. False when the event is void; else resume() is to follow, once the news have been told: jobs that
  /// are submitted before it come in time for what begins then.
  [[nodiscard]] bool advance(std::uint32_t endpoint, std::uint32_t number, std::vector<JobNews>& out);
  void resume(std::uint32_t endpoint);

  void set_slowdown(std::uint32_t endpoint, double factor);
  /// What it had to do is lost, and so is what it held. Plans its repair.
  void fail(std::uint32_t endpoint);
  /// Plans its next failure.
  void repair(std::uint32_t endpoint);

  [[nodiscard]] route::LoadReport report(std::uint32_t endpoint);
  /// Takes a reading and plans the next. The report, when it needs no time until it is there; else an event will ask for it by arrived().
  [[nodiscard]] std::optional<route::LoadReport> read(std::uint32_t endpoint);
  [[nodiscard]] route::LoadReport arrived(std::uint32_t endpoint);

  /// Adds what an endpoint's model has done to the results, before it goes.
  void note_work(std::uint32_t endpoint);

 private:
  struct Server {
    std::unique_ptr<RequestServer> model;
    double slowdown = 1;
    Duration there{}, back{};
    Instant due = Instant::max();  // the next of its events, as it stands in the heap
    std::uint32_t number = 0;      // of it; earlier ones are void
    bool down = false;
    std::deque<route::LoadReport> on_the_way;
  };

  [[nodiscard]] std::unique_ptr<RequestServer> make_model(std::uint32_t endpoint) const;
  void follow(std::uint32_t endpoint);
  void plan_failure(std::uint32_t endpoint);

  const Scenario& scenario_;
  Rng rng_;
  SimulationTime& time_;
  std::vector<EndpointResult>& results_;
  std::vector<Server> servers_;
};

}  // namespace evener::lab
