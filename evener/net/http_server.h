#pragma once
// A small HTTP/1.1 server on a reactor: one coroutine per connection, keep-alive, bodies read up to a limit, answers whole or streamed in
// chunks. For the admin listener and the emulated engine.

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "evener/core/result.h"
#include "evener/net/http_message.h"
#include "evener/net/listener.h"

namespace evener::net {

/// Whom a server closes when a connection comes beyond its limit: that one; or the one that has waited longest for a request, or for the
/// rest of one, so that connections which ask nothing keep nobody out. Those whose request is being answered stay in any case.
enum class WhenFull : std::uint8_t { CloseNewest, CloseLongestWaiting };

struct HttpServerLimits {
  std::size_t head_bytes = 32 * 1024;
  std::size_t body_bytes = 64 * 1024 * 1024;
  Duration head_timeout = std::chrono::seconds(10);
  Duration body_idle = std::chrono::seconds(30);
  Duration keep_alive = std::chrono::seconds(75);
  Duration send_idle = std::chrono::seconds(60);
  std::size_t connections = 100000;
  WhenFull when_full = WhenFull::CloseNewest;
};

/// The answer to one request. Either respond() once, or start(), any number of chunk()s, finish(). A handler that ends without either
/// has its connection closed. Every call is false when the client is gone; then just return.
class HttpReply {
 public:
  virtual ~HttpReply() = default;
  virtual Task<bool> respond(HttpResponse response) = 0;
  /// Starts a chunked answer (close-delimited for HTTP/1.0).
  virtual Task<bool> start(std::uint16_t status, HeaderList headers) = 0;
  virtual Task<bool> chunk(std::string data) = 0;
  virtual Task<bool> finish() = 0;
  /// Closes the connection with a reset, now. For faults on purpose.
  virtual void abort() = 0;
  /// Sends bytes as they are, instead of an answer; the connection closes after the handler. For faults on purpose.
  virtual Task<bool> raw(std::string bytes) = 0;
  /// Called (once, on the reactor's thread) when the client goes while the handler runs.
  virtual void on_client_gone(HangupWatch watch) = 0;
  [[nodiscard]] virtual bool client_gone() const = 0;
  [[nodiscard]] virtual Reactor& reactor() = 0;
};

using HttpHandler = std::function<Task<>(const HttpRequest& request, HttpReply& reply)>;

/// Listens as long as it lives; must be destroyed on the reactor's thread or after the reactor has ended.
class HttpServer {
 public:
  /// Takes over a listening descriptor (see listen_on()). The handler is called once per request.
  HttpServer(Reactor& reactor, int listen_fd, HttpHandler handler, HttpServerLimits limits = {});
  ~HttpServer();
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;

  /// Stops accepting; connections end after their current answer.
  void stop();
  [[nodiscard]] Address address() const;
  [[nodiscard]] std::size_t connections() const;

 private:
  struct State;
  std::shared_ptr<State> state_;  // connections may outlive the server object
};

}  // namespace evener::net
