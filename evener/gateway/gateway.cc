#include "evener/gateway/gateway.h"

#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <condition_variable>

#include "evener/base/batch_writer.h"
#include "evener/base/cpu_count.h"
#include "evener/base/log.h"
#include "evener/gateway/admin.h"
#include "evener/gateway/admin_token.h"
#include "evener/gateway/control.h"
#include "evener/gateway/handover.h"
#include "evener/gateway/external_status.h"
#include "evener/gateway/kv_status.h"
#include "evener/gateway/load_metrics.h"
#include "evener/gateway/scaling.h"
#include "evener/gateway/scaling_status.h"
#include "evener/gateway/worker.h"

namespace evener::gateway {
namespace {

constexpr std::uint32_t WorkersMax = 256;
constexpr std::size_t EndpointSeriesMax = 5000;

std::uint64_t system_seed() {
  std::uint64_t seed = 0;
  // Not a secret: it keeps replicas from choosing alike.
  seed = static_cast<std::uint64_t>(wall_clock_ns()) ^ (static_cast<std::uint64_t>(::getpid()) << 32);
  return splitmix64(seed);
}

std::uint32_t worker_count(const Config& config) {
  return std::min(config.workers > 0 ? config.workers : cpu_count(), WorkersMax);
}

/// Inherited descriptors for an address, taken out of the list.
std::vector<int> take_inherited(std::vector<int>& inherited, const net::Address& wanted) {
  std::vector<int> found;
  std::erase_if(inherited, [&](int fd) {
    if (!(net::local_address(fd) == wanted)) return false;
    found.push_back(fd);
    return true;
  });
  return found;
}

}  // namespace

struct Gateway::State {
  explicit State(std::uint32_t workers) : registry(workers), metrics(registry, EndpointSeriesMax) {
    const auto reloads = registry.counter(
        {.name = "evener_config_reloads_total", .help = "Configurations read again, by result.", .labels = {"result"}});
    reloads_done = reloads.with({"ok"});
    reloads_refused = reloads.with({"refused"});
  }

  GatewayOptions options;  // its recorder outlives the pools
  telemetry::Registry registry;
  GatewayMetrics metrics;
  std::unique_ptr<BatchWriter> access_log;
  KvSubscriber kv_events;                          // outlives everybody who leaves notes
  Shared shared;
  std::unique_ptr<Control> control;
  std::unique_ptr<Scaling> scaling;                // acts through the control thread
  std::unique_ptr<Admin> admin;                    // lives on the control thread
  std::unique_ptr<HandoverServer> handover;
  telemetry::Registry::Collection collection, load_collection, external_collection;
  telemetry::Registry::Collection kv_collection, scaling_collection;
  telemetry::Counter reloads_done, reloads_refused;
  std::vector<net::Address> addresses;
  std::optional<net::Address> admin_address;
  std::string admin_token;
  Config started_with;
  std::atomic<bool> handed_over{false};
};

namespace {

using State = Gateway::State;

/// The configuration as it stands in its file now. Any thread.
Result<Config> read_again(State& s) {
  if (!s.options.read_config) return fail("this process was started without a configuration file", Fault::Client);
  auto next = s.options.read_config();
  if (!next) {
    s.reloads_refused.add();
    log::error("configuration refused; the last good one stays", {{"error", next.error().message}});
  }
  return next;
}

/// On the control thread.
void take_over(State& s, const Config& config) {
  const Config& running = s.started_with;
  if (config.listen != running.listen || config.workers != running.workers || !(config.admin == running.admin) ||
      config.access_log.path != running.access_log.path || config.handover_socket != running.handover_socket) {
    log::warn("listen, workers, admin, access_log and handover_socket change only with a restart; the rest was taken over");
  }
  s.control->apply(config);
  s.scaling->apply(config);
  s.reloads_done.add();
  log::info("configuration reloaded", {{"pools", config.pools.size()}});
}

/// What is not counted while requests pass but looked up when somebody scrapes, which the admin listener does on the control thread.
telemetry::Registry::Collection collect_state(State& s) {
  enum : std::size_t { InFlight, Usable, Weight, Queued, MemoryUsed, LogDropped, LogWritten, PrefixBlocks, PrefixBytes, PrefixDropped };
  using telemetry::CollectedKind;
  return s.registry.collect(
      {{.spec = {.name = "evener_endpoint_in_flight", .help = "Requests at an endpoint now.", .labels = {"pool", "endpoint"}, .series_max = EndpointSeriesMax}},
       {.spec = {.name = "evener_endpoint_usable",
                 .help = "1 when the endpoint may receive requests, 0 when it is down, ejected, backing off or draining.",
                 .labels = {"pool", "endpoint"},
                 .series_max = EndpointSeriesMax}},
       {.spec = {.name = "evener_endpoint_weight", .help = "Effective weight, slow start included.", .labels = {"pool", "endpoint"}, .series_max = EndpointSeriesMax}},
       {.spec = {.name = "evener_queue_length", .help = "Requests that wait for capacity.", .labels = {"pool", "class"}}},
       {.spec = {.name = "evener_request_bodies_bytes", .help = "Memory held for request bodies.", .labels = {}}},
       {.spec = {.name = "evener_access_log_dropped_lines_total", .help = "Access log lines that could not be written in time.", .labels = {}},
        .kind = CollectedKind::Counter},
       {.spec = {.name = "evener_access_log_lines_total", .help = "Access log lines written.", .labels = {}}, .kind = CollectedKind::Counter},
       {.spec = {.name = "evener_prefix_index_blocks", .help = "Different blocks of prompts that the prefix index knows.", .labels = {"pool"}}},
       {.spec = {.name = "evener_prefix_index_bytes", .help = "Memory of the prefix index.", .labels = {"pool"}}},
       {.spec = {.name = "evener_prefix_index_dropped_blocks_total",
                 .help = "Blocks that the prefix index forgot for lack of room although some endpoint was known to hold them.",
                 .labels = {"pool"}},
        .kind = CollectedKind::Counter}},
      [&s](telemetry::Samples& samples) {
        const Instant now = s.control->reactor.now();
        for (const ManagedPool& pool : s.control->pools()) {
          std::array<route::ClassStatus, route::Priorities> classes;
          const auto statuses = pool.pool->with_scheduler(now, [&](route::RecordedScheduler& scheduler) {
            const route::PrefixIndex& prefixes = scheduler.prefixes();
            samples.put(PrefixBlocks, {pool.config.name}, static_cast<double>(prefixes.blocks()));
            samples.put(PrefixBytes, {pool.config.name}, static_cast<double>(prefixes.bytes()));
            samples.put(PrefixDropped, {pool.config.name}, static_cast<double>(prefixes.blocks_dropped()));
            classes = scheduler.classes(now);
            return scheduler.status(now);
          });
          for (const route::ClassStatus& one : classes) {
            samples.put(Queued, {pool.config.name, route::priority_name(one.priority)}, static_cast<double>(one.waiting));
          }
          for (const route::EndpointStatus& status : statuses) {
            for (const auto& endpoint : pool.endpoints) {
              if (endpoint->id != status.id) continue;
              samples.put(InFlight, {pool.config.name, endpoint->config.name}, status.in_flight);
              samples.put(Usable, {pool.config.name, endpoint->config.name}, status.health == route::Health::Healthy ? 1 : 0);
              samples.put(Weight, {pool.config.name, endpoint->config.name}, status.weight_effective);
            }
          }
        }
        samples.put(MemoryUsed, {}, static_cast<double>(s.shared.memory.used()));
        if (s.access_log) {
          const BatchWriter::Stats stats = s.access_log->stats();
          samples.put(LogDropped, {}, static_cast<double>(stats.lines_dropped));
          samples.put(LogWritten, {}, static_cast<double>(stats.lines_written));
        }
      });
}

}  // namespace

Gateway::Gateway(std::unique_ptr<State> state) : state_(std::move(state)) {}

Result<std::unique_ptr<Gateway>> Gateway::start(const Config& config, GatewayOptions options) {
  const std::uint32_t workers = worker_count(config);
  auto state = std::make_unique<State>(workers);
  state->started_with = config;
  State& s = *state;
  const std::uint64_t seed = options.seed != 0 ? options.seed : system_seed();
  std::vector<int> inherited = options.inherited_fds;
  s.options = std::move(options);
  const auto close_all = [](std::vector<int>& fds) {
    for (const int fd : fds) ::close(fd);
    fds.clear();
  };
  if (::getrandom(&s.shared.prompt_secret, sizeof s.shared.prompt_secret, 0) != static_cast<ssize_t>(sizeof s.shared.prompt_secret)) {
    close_all(inherited);
    return fail("no random bits for the hashes of prompts");
  }

  // Listeners: one per worker and address, so that the kernel spreads connections without a shared lock.
  std::vector<std::vector<int>> listeners(workers);
  const auto close_listeners = [&] {
    for (auto& list : listeners) close_all(list);
    close_all(inherited);
  };
  std::vector<int> passed_on;
  for (const std::string& text : config.listen) {
    auto address = net::Address::parse(text);
    if (!address) {
      close_listeners();
      return tl::unexpected(address.error());
    }
    std::vector<int> taken = take_inherited(inherited, *address);
    // More inherited ones than workers: each worker serves several, because every queue must be emptied by somebody.
    for (std::size_t i = 0; i < taken.size(); ++i) listeners[i % workers].push_back(taken[i]);
    for (std::size_t worker = taken.size(); worker < workers; ++worker) {
      const auto fd = net::listen_on(*address, net::ReusePort::Yes);
      if (!fd) {
        close_listeners();
        return tl::unexpected(fd.error());
      }
      // Port 0: the first listener finds the port, the others share it.
      *address = net::local_address(*fd);
      listeners[worker].push_back(*fd);
    }
    s.addresses.push_back(*address);
  }
  for (const auto& list : listeners) passed_on.insert(passed_on.end(), list.begin(), list.end());

  int admin_fd = -1;
  if (!config.admin.listen.empty()) {
    const auto address = net::Address::parse(config.admin.listen);
    if (!address) {
      close_listeners();
      return tl::unexpected(address.error());
    }
    std::vector<int> taken = take_inherited(inherited, *address);
    if (!taken.empty()) {
      admin_fd = taken.front();
    } else if (const auto fd = net::listen_on(*address, net::ReusePort::No)) {
      admin_fd = *fd;
    } else {
      close_listeners();
      return tl::unexpected(fd.error());
    }
    passed_on.push_back(admin_fd);
    s.admin_address = net::local_address(admin_fd);
    if (!config.admin.token_file.empty()) {
      auto token = read_admin_token(config.admin.token_file);
      if (!token) {
        close_listeners();
        ::close(admin_fd);
        return tl::unexpected(token.error());
      }
      s.admin_token = *token;
    } else {
      auto made = make_admin_token(s.admin_address->port());
      if (!made) {
        close_listeners();
        ::close(admin_fd);
        return tl::unexpected(made.error());
      }
      s.admin_token = made->token;
      log::info("admin token", {{"file", made->path}});
    }
  }
  close_all(inherited);  // of addresses that are not configured any more

  if (!config.access_log.path.empty()) {
    auto sink = open_batch_sink(config.access_log.path);
    if (!sink) {
      close_listeners();
      if (admin_fd >= 0) ::close(admin_fd);
      return tl::unexpected(sink.error());
    }
    s.access_log = std::make_unique<BatchWriter>(std::move(*sink));
  }
  if (!config.handover_socket.empty()) {
    auto server = HandoverServer::start(config.handover_socket, passed_on, [&s] {
      log::info("listeners handed over to a new process");
      s.handed_over.store(true);
      // Both processes hold the admin listener now. An operator who asks for the state, or changes it, means the new one.
      s.control->reactor.post([&s] {
        if (s.admin) s.admin->hand_over();
      });
    });
    if (!server) {
      close_listeners();
      if (admin_fd >= 0) ::close(admin_fd);
      return tl::unexpected(server.error());
    }
    s.handover = std::move(*server);
  }
  s.shared.metrics = &s.metrics;
  s.shared.kv_events = &s.kv_events;
  s.shared.recorder = s.options.recorder.get();
  s.shared.access_log = s.access_log.get();
  s.control = std::make_unique<Control>(s.shared, seed);
  Control& control = *s.control;
  s.shared.on_trouble = [&control](EndpointId id) { control.reactor.post([&control, id] { control.check_soon(id); }); };

  control.apply(config);  // before any thread runs: the first routing is there when the first request comes
  s.scaling = std::make_unique<Scaling>(control);
  if (admin_fd >= 0) {
    s.admin = std::make_unique<Admin>(
        control, admin_fd,
        AdminHooks{.reload = [&s]() -> Result<void> {
                     const auto next = read_again(s);
                     if (!next) return tl::unexpected(next.error());
                     take_over(s, *next);
                     return {};
                   },
                   .reopen_logs = [&s] { if (s.access_log) s.access_log->reopen(); },
                   .registry = &s.registry,
                   .scaling = s.scaling.get(),
                   .token = s.admin_token});
  }
  for (std::uint32_t i = 0; i < workers; ++i) {
    s.shared.workers.push_back(std::make_unique<Worker>(s.shared, i, splitmix64(seed + i + 1), std::move(listeners[i])));
  }
  s.collection = collect_state(s);
  s.kv_collection = collect_kv_events(s.registry, *s.control, s.kv_events, EndpointSeriesMax);
  s.load_collection = collect_load_reports(s.registry, *s.control, EndpointSeriesMax);
  s.external_collection = collect_external(s.registry, *s.control, EndpointSeriesMax);
  s.scaling_collection = collect_scaling(s.registry, *s.scaling);
  control.start();
  s.scaling->apply(config);
  for (auto& worker : s.shared.workers) worker->start();

  auto gateway = std::unique_ptr<Gateway>(new Gateway(std::move(state)));
  // The last step, and the only one that the process before us notices: it goes on serving whatever failed above.
  if (s.handover) {
    if (const auto taken = s.handover->take_place(); !taken) return tl::unexpected(taken.error());
  }
  for (const net::Address& address : s.addresses) log::info("listening", {{"role", "gateway"}, {"address", address.text()}, {"workers", workers}});
  if (s.admin_address) log::info("listening", {{"role", "admin"}, {"address", s.admin_address->text()}});
  return gateway;
}

Gateway::~Gateway() {
  State& s = *state_;
  s.scaling->stop();
  s.handover.reset();
  s.scaling_collection = {};
  s.collection = {};
  s.kv_collection = {};
  s.load_collection = {};
  s.external_collection = {};
  for (auto& worker : s.shared.workers) worker->stop_and_join();
  s.control->stop();
  s.admin.reset();
  s.shared.workers.clear();
  s.scaling.reset();
  s.control.reset();
  s.access_log.reset();
}

Result<void> Gateway::reload(const Config& config) {
  state_->control->call([&] { take_over(*state_, config); });
  return {};
}

Result<void> Gateway::reload() {
  const auto next = read_again(*state_);
  if (!next) return tl::unexpected(next.error());
  return reload(*next);
}

void Gateway::reopen_logs() {
  if (state_->access_log) state_->access_log->reopen();
}

void Gateway::drain() {
  if (state_->shared.draining.exchange(true)) return;
  state_->handover.reset();  // before the listeners close: their numbers may soon be those of connections
  log::info("draining", {{"connections", state_->shared.connections.load()}});
  // After a handover another process accepts from the same queues; else whoever waits in them is ours to serve, once.
  const auto waiting = handed_over() ? net::Acceptor::Waiting::LeaveToSharer : net::Acceptor::Waiting::AcceptFirst;
  for (auto& worker : state_->shared.workers) worker->drain(waiting);
}

bool Gateway::wait_until_drained(Duration most) {
  const Instant deadline = monotonic_now() + most;
  Instant next_report = monotonic_now() + std::chrono::seconds(10);
  const auto accepting = [&] {
    return std::any_of(state_->shared.workers.begin(), state_->shared.workers.end(), [](const auto& worker) { return worker->accepting(); });
  };
  while (accepting() || state_->shared.connections.load() > 0) {
    const Instant now = monotonic_now();
    if (now >= deadline) return false;
    if (now >= next_report) {
      log::info("still draining", {{"connections", state_->shared.connections.load()}});
      next_report = now + std::chrono::seconds(10);
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  return true;
}

bool Gateway::handed_over() const { return state_->handed_over.load(); }
std::vector<net::Address> Gateway::addresses() const { return state_->addresses; }
std::optional<net::Address> Gateway::admin_address() const { return state_->admin_address; }
const std::string& Gateway::admin_token() const { return state_->admin_token; }

std::string Gateway::metrics_text() const {
  return state_->control->call([&] {
    std::string text;
    state_->registry.expose(text);
    return text;
  });
}

std::string Gateway::status_json() const {
  return state_->control->call([&] { return evener::gateway::status_json(*state_->control); });
}

std::vector<EndpointNow> Gateway::endpoints() const {
  return state_->control->call([&] {
    const Instant now = state_->control->reactor.now();
    std::vector<EndpointNow> all;
    for (const ManagedPool& pool : state_->control->pools()) {
      for (const route::EndpointStatus& status :
           pool.pool->with_scheduler(now, [&](route::RecordedScheduler& scheduler) { return scheduler.status(now); })) {
        for (const auto& endpoint : pool.endpoints) {
          if (endpoint->id == status.id) all.push_back({.pool = pool.config.name, .name = endpoint->config.name, .status = status});
        }
      }
    }
    return all;
  });
}

}  // namespace evener::gateway
