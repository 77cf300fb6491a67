#pragma once
// Gateway: the program behind `evener serve`, as an object. It owns the workers that serve requests and the control thread that checks
// health, resolves names, answers the operator and publishes what the workers route by. Everything that changes goes through the
// control thread, one change at a time.

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "evener/core/result.h"
#include "evener/gateway/config.h"
#include "evener/gateway/recorder.h"
#include "evener/net/address.h"
#include "evener/route/scheduler.h"

namespace evener::gateway {

struct GatewayOptions {
  /// Reads the configuration again for a reload; the error is shown to the operator. Empty = reload is not possible.
  std::function<Result<Config>()> read_config;
  /// Listening descriptors inherited from a process we replace, with the addresses they are for; see handover.h.
  std::vector<int> inherited_fds;
  std::uint64_t seed = 0;              // 0 = from the system
  std::unique_ptr<Recorder> recorder;  // what is decided goes there
};

/// An endpoint as the scheduler of its pool sees it now.
struct EndpointNow {
  std::string pool, name;
  route::EndpointStatus status;
};

class Gateway {
 public:
  /// Listens, starts the threads, and returns when the first routing is published. The error says what could not be opened.
  [[nodiscard]] static Result<std::unique_ptr<Gateway>> start(const Config& config, GatewayOptions options);
  ~Gateway();
  Gateway(const Gateway&) = delete;
  Gateway& operator=(const Gateway&) = delete;

  // All of these from any thread.
  /// Takes over a configuration, or refuses it and keeps the one before. What needs a restart (listeners, workers) is named in the log.
  Result<void> reload(const Config& config);
  /// The same with GatewayOptions::read_config.
  Result<void> reload();
  /// Reopens the access log, after it was renamed.
  void reopen_logs();
  /// Stops accepting and lets what is in progress end, connections included that wait in the kernel's queue; not ready from now on.
  void drain();
  /// Waits until every client connection has ended, at most so long. True when none is left.
  bool wait_until_drained(Duration most);
  /// True once a new process has taken the listeners over (see handover.h): drain and exit then.
  [[nodiscard]] bool handed_over() const;

  [[nodiscard]] std::vector<net::Address> addresses() const;
  [[nodiscard]] std::optional<net::Address> admin_address() const;
  [[nodiscard]] const std::string& admin_token() const;
  /// The page of GET /metrics.
  [[nodiscard]] std::string metrics_text() const;
  /// The value of GET /status.
  [[nodiscard]] std::string status_json() const;
  /// What is in it about endpoints, as values.
  [[nodiscard]] std::vector<EndpointNow> endpoints() const;

  struct State;

 private:
  explicit Gateway(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace evener::gateway
