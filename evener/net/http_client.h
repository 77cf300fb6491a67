#pragma once
// A small HTTP/1.1 client on a reactor: one connection, one request at a time, the body in pieces as they arrive. For health checks,
// the control plane, and the load generator.

#include <cstdint>
#include <string>
#include <string_view>

#include "evener/core/result.h"
#include "evener/net/buffer.h"
#include "evener/net/http1/chunked.h"
#include "evener/net/http1/head.h"
#include "evener/net/http_message.h"
#include "evener/net/socket.h"

namespace evener::net {

/// Not thread-safe. After any error the connection is closed; connect() again.
class HttpClient {
 public:
  explicit HttpClient(Reactor& reactor) : reactor_(reactor) {}

  Task<Result<void>> connect(Address address, Instant deadline);
  [[nodiscard]] bool connected() const { return static_cast<bool>(socket_) && !socket_.hung_up() && !socket_.has_input(); }

  /// Sends the request and reads the head of the answer (1xx skipped); the answer's body is read by read_body(). `host` is the Host header.
  Task<Result<HttpResponse>> send(const HttpRequest& request, std::string_view host, Instant deadline);
  /// The next piece of the body, valid until the next call; empty at its end. After the end the connection can be used again if the server
  /// allows it (see connected()).
  Task<Result<std::string_view>> read_body(Instant deadline);
  /// send() and the whole body, up to `body_bytes_max`.
  Task<Result<HttpResponse>> fetch(const HttpRequest& request, std::string_view host, std::size_t body_bytes_max, Instant deadline);

  void close();
  /// Fails what is pending. Safe from anywhere on the reactor's thread.
  void cancel() { socket_.cancel(); }
  [[nodiscard]] Socket& socket() { return socket_; }

 private:
  Task<long> fill(Instant deadline);
  tl::unexpected<Error> broken(const char* step, long result);

  Reactor& reactor_;
  Socket socket_;
  Buffer buffer_;
  std::size_t begin_ = 0, end_ = 0;   // unread bytes in buffer_
  http1::Framing framing_ = http1::Framing::None;
  std::uint64_t remaining_ = 0;
  http1::ChunkedDecoder chunked_;
  bool body_done_ = true;
  bool keep_alive_ = false;
};

}  // namespace evener::net
