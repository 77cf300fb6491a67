#pragma once
// The admin listener: the operator's view of the gateway and the changes he may make while it runs. A separate port (loopback by
// default), always with a token, but for /healthz and /readyz.

#include <chrono>
#include <functional>
#include <memory>
#include <string>

#include "evener/gateway/control.h"
#include "evener/gateway/scaling.h"
#include "evener/net/http_server.h"

namespace evener::gateway {

/// What the admin API needs beyond Control.
struct AdminHooks {
  std::function<Result<void>()> reload;        // on the control thread
  std::function<void()> reopen_logs;
  telemetry::Registry* registry = nullptr;
  Scaling* scaling = nullptr;
  std::string token;
};

/// Runs on the control thread's reactor.
class Admin {
 public:
  static constexpr std::size_t BodyBytesMax = 1024 * 1024;
  /// Whoever can reach the listener can fill these without a token; the connection that has waited longest for a request makes room then.
  static constexpr std::size_t ConnectionsMax = 256;
  static constexpr Duration HeadTimeout = std::chrono::seconds(5);
  static constexpr Duration BodyIdle = std::chrono::seconds(5);
  static constexpr Duration KeepAlive = std::chrono::seconds(20);  // a scraper that comes every 15 s keeps its connection

  Admin(Control& control, int listen_fd, AdminHooks hooks);

  [[nodiscard]] net::Address address() const { return server_.address(); }
  /// From now on the listener is another process's: a kept connection gets one more answer, a new one is not accepted here.
  void hand_over() { server_.stop(); }

 private:
  net::Task<> handle(const net::HttpRequest& request, net::HttpReply& reply);
  net::HttpResponse answer(const net::HttpRequest& request);
  net::HttpResponse change(const net::HttpRequest& request, std::string_view pool, std::string_view rest);
  net::HttpResponse scale(const net::HttpRequest& request, std::string_view pool);
  [[nodiscard]] bool allowed(const net::HttpRequest& request) const;

  Control& control_;
  AdminHooks hooks_;
  net::HttpServer server_;
};

/// The pools and endpoints as they are now: the value of GET /status. On the control thread.
[[nodiscard]] std::string status_json(Control& control);
/// The same as a page for people: one table a pool, state in words and colour, no script.
[[nodiscard]] std::string status_page(Control& control);

}  // namespace evener::gateway
