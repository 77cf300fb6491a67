#pragma once
// Control: what the gateway knows and changes outside the path of requests, on one thread. It keeps the pools and their endpoints, applies
// configurations and the operator's changes to them, checks health, follows names, and publishes a new Routing after each change.

#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <type_traits>
#include <vector>

#include "evener/core/rng.h"
#include "evener/gateway/config.h"
#include "evener/gateway/load_collector.h"
#include "evener/gateway/request_rules.h"
#include "evener/gateway/resolver.h"
#include "evener/gateway/worker.h"
#include "evener/net/reactor.h"

namespace evener::gateway {

/// An endpoint as the control thread keeps it; shared with its check loop, which ends when `removed` is set.
struct ManagedEndpoint {
  ManagedEndpoint(net::Reactor& reactor, EndpointId its_id, EndpointConfig its_config)
      : id(its_id), config(std::move(its_config)), check_now(reactor), read_load_now(reactor) {}

  EndpointId id;
  EndpointConfig config;
  net::HostPort target;
  std::string path_prefix;
  std::vector<net::Address> addresses;   // what the name resolves to; empty until it does
  std::size_t address_in_use = 0;
  std::shared_ptr<const EndpointMetrics> metrics;
  net::Event check_now;
  bool removed = false;
  bool drained_by_operator = false;
  bool scaled = false;                   // a replica of the pool's scaler, not of the configuration
  std::string kind;                      // of a replica
  bool leaving = false;                  // the scaler takes it out
  std::string last_check;                // what the last check found, for the operator
  net::Event read_load_now;
  LoadWatch load;
};

/// The endpoint that a replica of this kind is.
[[nodiscard]] EndpointConfig replica_config(const PoolConfig& pool, const std::string& url, const std::string& kind);

struct ManagedPool {
  std::shared_ptr<Pool> pool;
  PoolConfig config;                     // its endpoints are in `endpoints`
  std::vector<std::shared_ptr<ManagedEndpoint>> endpoints;  // by rising id
  std::vector<std::shared_ptr<ManagedEndpoint>> joining;    // replicas whose first good check is awaited; no endpoints yet, without ids
  ZoneNumbers zones;
};

/// Everything but the constructor, the destructor and call() is for the control thread only.
class Control {
 public:
  Control(Shared& shared, std::uint64_t seed);
  ~Control();
  Control(const Control&) = delete;
  Control& operator=(const Control&) = delete;

  net::Reactor reactor;

  /// Starts the thread; from then on use call().
  void start();
  /// Ends the thread.
  void stop();
  /// Runs the function on the control thread and waits for its result. Not from the control thread itself.
  template <class Function>
  auto call(Function function) -> decltype(function());

  /// Takes over a whole configuration: pools and endpoints that stay keep their state.
  void apply(const Config& config);

  enum class Change : std::uint8_t { Done, NoSuchPool, NoSuchEndpoint, NameTaken, TooManyEndpoints };
  Change add_endpoint(std::string_view pool, EndpointConfig endpoint);
  Change remove_endpoint(std::string_view pool, std::string_view endpoint);
  Change set_drain(std::string_view pool, std::string_view endpoint, route::Scheduler::Drain drain);
  Change set_weight(std::string_view pool, std::string_view endpoint, double weight);

  // Replicas that the pool's scaler starts and stops, by their URLs (control_replicas.cc). What is not there is left alone.
  /// Checks it until it answers well; then it is an endpoint of the pool.
  void join_replica(std::string_view pool, const std::string& url, const std::string& kind);
  void drain_replica(std::string_view pool, const std::string& url, route::Scheduler::Drain drain);
  void leave_replica(std::string_view pool, const std::string& url);

  [[nodiscard]] const Config& config() const { return config_; }
  [[nodiscard]] const std::vector<ManagedPool>& pools() const { return pools_; }
  [[nodiscard]] Shared& shared() { return shared_; }
  /// An attempt failed in a way that a check should look into at once.
  void check_soon(EndpointId id);
  [[nodiscard]] ManagedPool* find_pool(std::string_view name);
  /// 0..1, to spread what would come at the same time.
  [[nodiscard]] double jitter() { return rng_.uniform(); }

 private:
  std::shared_ptr<ManagedEndpoint> new_endpoint(ManagedPool& pool, const EndpointConfig& config, route::Scheduler::Start start);
  /// Its two halves: known to the pool, and then to its scheduler, from which on it gets requests.
  std::shared_ptr<ManagedEndpoint> introduce(ManagedPool& pool, const EndpointConfig& config);
  void admit(ManagedPool& pool, const std::shared_ptr<ManagedEndpoint>& endpoint, route::Scheduler::Start start);
  /// Its URL taken apart; its addresses, when the URL has them or as soon as they are found.
  void locate(const std::shared_ptr<ManagedEndpoint>& endpoint);
  void drop_joining(ManagedPool& pool, std::size_t index);
  net::Task<> await_replica(std::shared_ptr<ManagedEndpoint> replica, std::string pool_name);
  void drop_endpoint(ManagedPool& pool, std::size_t index);
  void update_pool(ManagedPool& pool, const PoolConfig& config);
  void publish();
  void resolve(const std::shared_ptr<ManagedEndpoint>& endpoint);
  void log_health_changes();
  net::Task<> check_endpoint(std::shared_ptr<ManagedEndpoint> endpoint, std::string pool_name);
  net::Task<> tick();
  net::Task<> follow_names();

  Shared& shared_;
  Rng rng_;
  Config config_;
  std::vector<ManagedPool> pools_;
  std::map<std::uint32_t, route::Health> last_health_;
  Resolver resolver_;
  std::uint32_t last_endpoint_id_ = 0;
  std::uint64_t pools_made_ = 0;
  std::thread thread_;
};

template <class Function>
auto Control::call(Function function) -> decltype(function()) {
  using Value = decltype(function());
  std::mutex mutex;
  std::condition_variable ready;
  bool done = false;
  if constexpr (std::is_void_v<Value>) {
    reactor.post([&] {
      function();
      const std::lock_guard lock(mutex);
      done = true;
      ready.notify_one();
    });
    std::unique_lock lock(mutex);
    ready.wait(lock, [&] { return done; });
  } else {
    std::optional<Value> value;
    reactor.post([&] {
      value.emplace(function());
      const std::lock_guard lock(mutex);
      done = true;
      ready.notify_one();
    });
    std::unique_lock lock(mutex);
    ready.wait(lock, [&] { return done; });
    return std::move(*value);
  }
}

}  // namespace evener::gateway
