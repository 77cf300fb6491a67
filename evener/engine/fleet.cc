#include "evener/engine/fleet.h"

#include <algorithm>
#include <future>
#include <thread>
#include <utility>

#include "evener/base/cpu_count.h"

namespace evener::engine {

struct Fleet::Worker {
  net::Reactor reactor;
  std::thread thread;

  /// Runs the function on the worker's thread and returns what it returned.
  template <class Function>
  auto ask(Function function) {
    // Shared, because set_value may still be busy with it when get() has returned already.
    const auto promise = std::make_shared<std::promise<decltype(function())>>();
    auto answer = promise->get_future();
    reactor.post([promise, &function] { promise->set_value(function()); });
    return answer.get();
  }
};

Fleet::Fleet() = default;

Result<std::unique_ptr<Fleet>> Fleet::start(std::vector<EngineOptions> engines, unsigned threads) {
  std::unique_ptr<Fleet> fleet(new Fleet);
  const auto wanted = static_cast<unsigned>(engines.size());
  const unsigned count = std::clamp(threads == 0 ? std::min(wanted, cpu_count()) : threads, 1U, std::max(1U, wanted));
  for (unsigned i = 0; i < count; ++i) fleet->workers_.push_back(std::make_unique<Worker>());
  for (std::size_t i = 0; i < engines.size(); ++i) {
    Worker& worker = *fleet->workers_[i % count];
    std::string name = engines[i].name;
    auto engine = EmulatedEngine::open(worker.reactor, std::move(engines[i]));
    if (!engine) return fail("engine " + name + ": " + engine.error().message, engine.error().fault);
    const net::Address address = (*engine)->address();
    fleet->members_.push_back({.engine = std::move(*engine), .worker = &worker, .name = std::move(name), .address = address});
  }
  for (auto& worker : fleet->workers_) {
    worker->thread = std::thread([&reactor = worker->reactor] { reactor.run(); });
  }
  return fleet;
}

Fleet::~Fleet() {
  for (auto& worker : workers_) {
    // A fleet whose start failed has no threads yet, but its engines have spawned their loops: run them to their end here.
    worker->reactor.stop();
    if (worker->thread.joinable()) {
      worker->thread.join();
    } else {
      worker->reactor.run();
    }
  }
  members_.clear();
}

std::size_t Fleet::size() const { return members_.size(); }
const std::string& Fleet::name(std::size_t engine) const { return members_.at(engine).name; }
std::string Fleet::address(std::size_t engine) const { return members_.at(engine).address.text(); }

void Fleet::set_faults(std::size_t engine, const FaultPlan& plan) {
  Member& member = members_.at(engine);
  member.worker->ask([&] {
    member.engine->set_faults(plan);
    return true;
  });
}

void Fleet::take_down(std::size_t engine) {
  Member& member = members_.at(engine);
  member.worker->ask([&] {
    member.engine->take_down();
    return true;
  });
}

Result<void> Fleet::bring_up(std::size_t engine) {
  Member& member = members_.at(engine);
  return member.worker->ask([&] { return member.engine->bring_up(); });
}

EngineSnapshot Fleet::snapshot(std::size_t engine) const {
  const Member& member = members_.at(engine);
  return member.worker->ask([&] { return member.engine->snapshot(); });
}

}  // namespace evener::engine
