#include "evener/net/http_server.h"

#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <utility>

#include "evener/net/buffer.h"
#include "evener/net/http1/chunked.h"
#include "evener/net/http1/head.h"
#include "evener/net/http1/head_writer.h"

namespace evener::net {

namespace {

/// Connections that wait for a request or for the rest of one, by when they began to.
class WaitingLine {
 public:
  struct Place {
    Socket* socket = nullptr;
    Place* before = nullptr;
    Place* behind = nullptr;
    bool taken = false;
  };

  void join(Place& place) {
    if (place.taken) return;
    place.taken = true;
    place.before = last_;
    place.behind = nullptr;
    (last_ != nullptr ? last_->behind : first_) = &place;
    last_ = &place;
  }
  void leave(Place& place) {
    if (!place.taken) return;
    place.taken = false;
    (place.before != nullptr ? place.before->behind : first_) = place.behind;
    (place.behind != nullptr ? place.behind->before : last_) = place.before;
  }
  /// Ends the connection that has waited longest; false when none waits.
  bool dismiss_first() {
    if (first_ == nullptr) return false;
    Place& place = *first_;
    leave(place);
    place.socket->cancel();
    return true;
  }

 private:
  Place* first_ = nullptr;
  Place* last_ = nullptr;
};

}  // namespace

struct HttpServer::State {
  Reactor& reactor;
  HttpHandler handler;
  HttpServerLimits limits;
  Address address;
  std::unique_ptr<Acceptor> acceptor;
  WaitingLine waiting;
  std::size_t connections = 0;
  bool stopping = false;
};

namespace {

/// One connection: reads requests, calls the handler, and is the reply it writes to.
class Connection final : public HttpReply {
 public:
  Connection(const HttpHandler& handler, const HttpServerLimits& limits, const bool& stopping, WaitingLine& waiting, Socket socket)
      : handler_(handler),
        limits_(limits),
        stopping_(stopping),
        waiting_(waiting),
        reactor_(socket.reactor()),
        socket_(std::move(socket)) {}
  ~Connection() override { waiting_.leave(place_); }
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  Task<> serve() {
    Reactor& loop = socket_.reactor();
    while (keep_alive_ && !stopping_) {
      waiting_.join(place_);
      if (begin_ == end_) {
        buffer_.release();
        begin_ = end_ = 0;
        socket_.set_read_deadline(loop.now() + limits_.keep_alive);
        if (co_await socket_.wait_readable() < 0) break;
      }
      HttpRequest request;
      const std::uint16_t refused = co_await read_request(request);
      if (refused == ConnectionGone) break;
      if (refused != 0) {
        HttpResponse answer{.status = refused, .headers = {}, .body = {}};
        keep_alive_ = false;
        started_ = false;
        co_await respond(std::move(answer));
        break;
      }
      started_ = ended_ = false;
      waiting_.leave(place_);
      co_await handler_(request, *this);
      if (!socket_) break;
      socket_.forget_hangup_watch();
      if (!ended_) break;
    }
    socket_.close();
  }

  Task<bool> respond(HttpResponse response) override {
    if (stopping_) keep_alive_ = false;
    std::string head;
    http1::HeadWriter writer(head);
    writer.status_line(response.status);
    for (const auto& [name, value] : response.headers) writer.header(name, value);
    writer.header("Content-Length", response.body.size());
    if (!keep_alive_) writer.header("Connection", "close");
    writer.end();
    started_ = ended_ = true;
    if (head_request_) response.body.clear();
    co_return co_await send(std::move(head), std::move(response.body), {});
  }

  Task<bool> start(std::uint16_t status, HeaderList headers) override {
    if (http10_ || stopping_) keep_alive_ = false;
    std::string head;
    http1::HeadWriter writer(head);
    writer.status_line(status);
    for (const auto& [name, value] : headers) writer.header(name, value);
    if (!http10_) writer.header("Transfer-Encoding", "chunked");
    if (!keep_alive_) writer.header("Connection", "close");
    writer.end();
    started_ = true;
    co_return co_await send(std::move(head), {}, {});
  }

  Task<bool> chunk(std::string data) override {
    if (data.empty() || head_request_) co_return !client_gone();
    if (http10_) co_return co_await send({}, std::move(data), {});
    char size[24];
    const int length = std::snprintf(size, sizeof size, "%zx\r\n", data.size());
    co_return co_await send(std::string(size, static_cast<std::size_t>(length)), std::move(data), "\r\n");
  }

  Task<bool> finish() override {
    ended_ = true;
    if (http10_ || head_request_) co_return !client_gone();
    co_return co_await send("0\r\n\r\n", {}, {});
  }

  void abort() override {
    ended_ = false;
    socket_.abort();
  }

  Task<bool> raw(std::string bytes) override {
    keep_alive_ = false;
    ended_ = true;
    co_return co_await send(std::move(bytes), {}, {});
  }

  void on_client_gone(HangupWatch watch) override {
    if (socket_) {
      socket_.watch_hangup(watch);
    } else {
      watch.notify(watch.context);
    }
  }
  [[nodiscard]] bool client_gone() const override { return !socket_ || socket_.hung_up() || socket_.cancelled(); }
  [[nodiscard]] Reactor& reactor() override { return reactor_; }

 private:
  static constexpr std::uint16_t ConnectionGone = 1;

  Task<bool> send(std::string first, std::string second, std::string_view third) {
    if (!socket_) co_return false;
    iovec pieces[3] = {{first.data(), first.size()}, {second.data(), second.size()}, {const_cast<char*>(third.data()), third.size()}};
    socket_.set_write_deadline(socket_.reactor().now() + limits_.send_idle);
    if (co_await socket_.send(pieces) < 0) {
      keep_alive_ = false;
      co_return false;
    }
    co_return true;
  }

  Task<long> fill(Instant deadline) {
    if (!buffer_) buffer_ = Buffer::take();
    if (begin_ == end_) begin_ = end_ = 0;
    if (end_ == buffer_.capacity()) {
      Buffer larger = Buffer::take(begin_ > 0 ? buffer_.capacity() : buffer_.capacity() * 2);
      std::memcpy(larger.data(), buffer_.data() + begin_, end_ - begin_);
      end_ -= begin_;
      begin_ = 0;
      buffer_ = std::move(larger);
    }
    socket_.set_read_deadline(deadline);
    const long got = co_await socket_.recv(buffer_.from(end_));
    if (got > 0) end_ += static_cast<std::size_t>(got);
    co_return got;
  }

  /// 0 and a request, the status to refuse with, or ConnectionGone.
  Task<std::uint16_t> read_request(HttpRequest& request) {
    Reactor& loop = socket_.reactor();
    const Instant head_deadline = loop.now() + limits_.head_timeout;
    http1::HeadScanner scanner;
    for (;;) {
      const std::string_view unread = buffer_ ? buffer_.view(begin_, end_ - begin_) : std::string_view();
      const auto state = scanner.scan(unread);
      if (state == http1::HeadScanner::State::Bad) co_return 400;
      if (state == http1::HeadScanner::State::Complete) break;
      if (unread.size() > limits_.head_bytes) co_return 431;
      const long got = co_await fill(head_deadline);
      if (got == -ETIMEDOUT) co_return 408;
      if (got <= 0) co_return ConnectionGone;
    }
    if (scanner.length() > limits_.head_bytes) co_return 431;
    auto head = std::make_unique<http1::RequestHead>();
    const auto* error = http1::parse_request_head(buffer_.view(begin_, scanner.length()), *head);
    if (error != nullptr) co_return error->status;
    request.method = head->method;
    request.path = head->path;
    request.query = head->query;
    request.headers.reserve(head->headers.count);
    for (const auto& header : head->headers) request.headers.emplace_back(header.name, header.value);
    keep_alive_ = head->keep_alive;
    http10_ = head->minor_version == 0;
    head_request_ = head->method_id == http1::Method::Head;
    const http1::Framing framing = head->framing;
    std::uint64_t remaining = head->content_length;
    const bool expects = head->expect_continue;
    begin_ += scanner.length();
    head.reset();
    if (framing == http1::Framing::None) co_return 0;
    if (remaining > limits_.body_bytes) co_return 413;
    if (expects && begin_ == end_ && !co_await send("HTTP/1.1 100 Continue\r\n\r\n", {}, {})) co_return ConnectionGone;
    http1::ChunkedDecoder chunked;
    for (;;) {
      if (framing == http1::Framing::Length && remaining == 0) co_return 0;
      if (begin_ == end_) {
        const long got = co_await fill(loop.now() + limits_.body_idle);
        if (got == -ETIMEDOUT) co_return 408;
        if (got <= 0) co_return ConnectionGone;
      }
      std::string_view unread = buffer_.view(begin_, end_ - begin_);
      if (framing == http1::Framing::Length) {
        unread = unread.substr(0, remaining);
        remaining -= unread.size();
        begin_ += unread.size();
        request.body.append(unread);
        continue;
      }
      const auto step = chunked.next(unread);
      begin_ += step.bytes.size();
      if (step.kind == http1::ChunkedDecoder::Kind::Bad) co_return 400;
      if (step.kind == http1::ChunkedDecoder::Kind::End) co_return 0;
      if (step.kind == http1::ChunkedDecoder::Kind::Data) request.body.append(step.bytes);
      if (request.body.size() > limits_.body_bytes) co_return 413;
    }
  }

  const HttpHandler& handler_;
  const HttpServerLimits& limits_;
  const bool& stopping_;
  WaitingLine& waiting_;
  Reactor& reactor_;  // also when the socket has gone
  Socket socket_;
  WaitingLine::Place place_{.socket = &socket_};
  Buffer buffer_;
  std::size_t begin_ = 0, end_ = 0;
  bool keep_alive_ = true, http10_ = false, head_request_ = false;
  bool started_ = false, ended_ = false;
};

template <class State>
Task<> serve_connection(std::shared_ptr<State> state, int fd) {
  Socket socket(state->reactor, fd);
  Connection connection(state->handler, state->limits, state->stopping, state->waiting, std::move(socket));
  co_await connection.serve();
  --state->connections;
}

}  // namespace

HttpServer::HttpServer(Reactor& reactor, int listen_fd, HttpHandler handler, HttpServerLimits limits)
    : state_(std::make_shared<State>(State{.reactor = reactor,
                                           .handler = std::move(handler),
                                           .limits = limits,
                                           .address = local_address(listen_fd),
                                           .acceptor = nullptr,
                                           .waiting = {},
                                           .connections = 0,
                                           .stopping = false})) {
  const std::weak_ptr<State> weak = state_;
  state_->acceptor = std::make_unique<Acceptor>(reactor, listen_fd, [weak](int fd) {
    const std::shared_ptr<State> state = weak.lock();
    const auto make_room = [&] { return state->limits.when_full == WhenFull::CloseLongestWaiting && state->waiting.dismiss_first(); };
    if (!state || (state->connections >= state->limits.connections && !make_room())) {
      ::close(fd);
      return;
    }
    ++state->connections;
    state->reactor.spawn(serve_connection(state, fd));
  });
}

HttpServer::~HttpServer() { stop(); }

void HttpServer::stop() {
  if (state_->stopping) return;
  state_->stopping = true;
  state_->acceptor->stop();
}

Address HttpServer::address() const { return state_->address; }
std::size_t HttpServer::connections() const { return state_->connections; }

}  // namespace evener::net
