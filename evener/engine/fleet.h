#pragma once
// Several emulated engines in one process, spread over a few threads, each engine with its own port and strength. Starts and stops with
// the object; the calls that change an engine may come from any thread.

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "evener/core/result.h"
#include "evener/engine/emulated_engine.h"
#include "evener/engine/options.h"

namespace evener::engine {

class Fleet {
 public:
  /// All engines listen when this returns; their addresses are known. `threads` 0 takes one per engine, at most one per CPU. The error
  /// names the engine that could not listen, and none runs then.
  static Result<std::unique_ptr<Fleet>> start(std::vector<EngineOptions> engines, unsigned threads = 0);
  /// Stops all: connections break, threads are joined.
  ~Fleet();
  Fleet(const Fleet&) = delete;
  Fleet& operator=(const Fleet&) = delete;

  [[nodiscard]] std::size_t size() const;
  [[nodiscard]] const std::string& name(std::size_t engine) const;
  /// "127.0.0.1:40123".
  [[nodiscard]] std::string address(std::size_t engine) const;

  // Each waits until the engine's thread has done it.
  void set_faults(std::size_t engine, const FaultPlan& plan);
  void take_down(std::size_t engine);
  Result<void> bring_up(std::size_t engine);
  [[nodiscard]] EngineSnapshot snapshot(std::size_t engine) const;

 private:
  Fleet();
  struct Worker;
  struct Member {
    std::unique_ptr<EmulatedEngine> engine;
    Worker* worker = nullptr;
    std::string name;
    net::Address address;
  };
  // Workers outlive the engines: an engine's sockets belong to its worker's reactor.
  std::vector<std::unique_ptr<Worker>> workers_;
  std::vector<Member> members_;
};

}  // namespace evener::engine
