#pragma once
// Worker: one thread with everything it needs to serve requests without asking others: its reactor, its listeners, its kept connections,
// its end of the access log. Workers share only what Shared names.

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <thread>
#include <vector>

#include "evener/base/batch_writer.h"
#include "evener/base/published.h"
#include "evener/core/rng.h"
#include "evener/gateway/connection_pool.h"
#include "evener/gateway/memory_quota.h"
#include "evener/gateway/metrics.h"
#include "evener/gateway/routing.h"
#include "evener/net/http1/head.h"
#include "evener/net/listener.h"

namespace evener::gateway {

class Worker;
class KvSubscriber;
class Recorder;

/// What all workers see. Set up before they start; outlives them.
struct Shared {
  Published<Routing> routing;
  GatewayMetrics* metrics = nullptr;
  BatchWriter* access_log = nullptr;             // nullptr = off
  MemoryQuota memory{0};
  std::atomic<std::uint32_t> connections{0};
  std::atomic<bool> draining{false};
  KvSubscriber* kv_events = nullptr;
  Recorder* recorder = nullptr;                // nullptr = off
  std::uint64_t prompt_secret = 0;             // of the salts of prompt hashes, see protocol::prompt_salt
  std::function<void(EndpointId)> on_trouble;  // an attempt could not connect or was reset; any thread, returns at once
  std::vector<std::unique_ptr<Worker>> workers;
};

class Session;

class Worker {
 public:
  /// Takes over the listening descriptors.
  Worker(Shared& shared, std::uint32_t index, std::uint64_t seed, std::vector<int> listen_fds);
  ~Worker();
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;

  /// Starts its thread, once shared.workers is complete: they hand connections to each other.
  void start();

  // From any thread.
  /// Stops accepting; connections end after their current answer, idle ones within DrainIdle.
  void drain(net::Acceptor::Waiting waiting);
  /// False once the drain has begun and connections that waited in the kernel's queue are counted among Shared::connections.
  [[nodiscard]] bool accepting() const { return accepting_.load(std::memory_order_acquire); }
  /// Cancels whatever is left and ends the thread.
  void stop_and_join();
  [[nodiscard]] std::uint32_t load() const { return load_.load(std::memory_order_relaxed); }
  [[nodiscard]] std::uint32_t sessions() const { return sessions_.load(std::memory_order_relaxed); }

  /// How long an idle client connection may still send a request after the drain began: closing it at once could lose one on its way.
  static constexpr Duration DrainIdle = std::chrono::seconds(5);

  // On the worker's thread only, from here on.
  net::Reactor reactor;
  Shared& shared;
  ConnectionPool upstreams;
  std::unique_ptr<BatchWriter::Producer> log;
  Rng rng;
  net::http1::RequestHead request_head;     // of the exchange that parsed last; see Exchange::parsed_head()
  const void* request_head_owner = nullptr;
  net::http1::ResponseHead response_head;   // used between two suspensions only

  [[nodiscard]] const std::shared_ptr<const Routing>& routing() { return routing_reader_.get(); }
  void exchange_began() { load_.store(load_.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed); }
  void exchange_ended() { load_.store(load_.load(std::memory_order_relaxed) - 1, std::memory_order_relaxed); }

 private:
  friend class Session;
  void run(std::uint32_t index);
  void accepted(int fd);
  void serve(int fd);
  void start_drain(net::Acceptor::Waiting waiting);
  void end_turn(Instant now);

  Published<Routing>::Reader routing_reader_;
  std::vector<std::unique_ptr<net::Acceptor>> acceptors_;
  Session* open_sessions_ = nullptr;
  std::atomic<std::uint32_t> load_{0};      // exchanges in progress; written by this thread only
  std::atomic<std::uint32_t> sessions_{0};  // connections, those on their way here included
  Instant next_purge_{};
  std::atomic<bool> accepting_{true};
  std::uint32_t index_;
  std::thread thread_;
};

}  // namespace evener::gateway
