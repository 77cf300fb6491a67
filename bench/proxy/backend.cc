// The server behind the proxies that are measured: one thread, one epoll, as little work per request as possible.
//
//   POST           1,024 bytes of JSON, kept alive
//   POST, stream   when the body ends with `"stream":true` (as an OpenAI SDK writes it) or the path contains "stream": server-sent events,
//                  `"chunks":N` of them, one per `"interval_us":N`, each with the time at which it was sent, then [DONE] and a hash of it all.
//                  What falls due within one tick leaves together, as an engine sends the tokens of one decode step.
//   GET            /health and /v1/models
//   x-bench-echo   any request with this header is answered with how it arrived
//
// On SIGTERM it prints what it served as one JSON object.

#include <arpa/inet.h>
#include <csignal>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <functional>
#include <memory>
#include <queue>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "bench/proxy/arguments.h"
#include "bench/proxy/message_reader.h"
#include "bench/proxy/wire.h"

namespace proxy_bench {
namespace {

constexpr std::size_t TailBytes = 256;          // of a body: an SDK writes model, stream and our own fields after the messages
constexpr std::size_t ChunksPerTurn = 64;       // streamed before sockets are looked at again
constexpr std::size_t PortsMax = 64;

struct Connection {
  int fd = -1;
  std::uint64_t generation = 0;
  std::uint64_t requests = 0;
  MessageReader reader;
  std::string tail;          // last bytes of the body
  std::uint64_t body_bytes = 0;
  std::uint64_t body_hash = HashSeed;
  std::string unsent;        // the socket was full
  bool streaming = false;
  std::uint64_t chunks_left = 0;
  std::uint64_t interval_ns = 0;
  std::uint64_t stream_hash = HashSeed;
};

struct Due {
  std::uint64_t at_ns;
  int fd;
  std::uint64_t generation;
  bool operator>(const Due& other) const { return at_ns > other.at_ns; }
};

class Backend {
 public:
  explicit Backend(const Arguments& arguments)
      : chunks_(arguments.number("chunks")),
        interval_us_(arguments.number("interval-us")),
        tick_ns_(std::max<std::uint64_t>(arguments.number("tick-us"), 1) * 1000),
        epoll_(epoll_create1(EPOLL_CLOEXEC)) {
    const std::string body = reply_body();
    reply_ = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nDate: Thu, 01 Jan 2026 00:00:00 GMT\r\nServer: bench\r\nContent-Length: " +
             std::to_string(body.size()) + "\r\n\r\n" + body;
    stream_head_ = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream; charset=utf-8\r\nCache-Control: no-cache\r\n"
                   "Transfer-Encoding: chunked\r\n\r\n";
    event_ = chunk(event_template());
    event_body_at_ = event_.find(EventStart);

    sigset_t stop;
    sigemptyset(&stop);
    sigaddset(&stop, SIGTERM);
    sigaddset(&stop, SIGINT);
    sigprocmask(SIG_BLOCK, &stop, nullptr);
    signals_ = signalfd(-1, &stop, SFD_NONBLOCK | SFD_CLOEXEC);
    watch(signals_, EPOLLIN);

    const std::uint64_t ports = arguments.number("ports");
    if (ports == 0 || ports > PortsMax) {
      Arguments::fail("--ports must be 1 to 64");
    }
    for (std::uint64_t i = 0; i < ports; ++i) {
      listen_on(static_cast<std::uint16_t>(arguments.number("port") + i));
    }
  }

  void run() {
    std::array<epoll_event, 512> events{};
    while (true) {
      const int count = epoll_pwait2(epoll_, events.data(), static_cast<int>(events.size()), wait_for(), nullptr);
      for (int i = 0; i < count; ++i) {
        const epoll_event& event = events[static_cast<std::size_t>(i)];
        const int fd = event.data.fd;
        if (fd == signals_) {
          return;
        }
        Connection* connection = find(fd);
        if (connection == nullptr) {
          accept_all(fd);
        } else if ((event.events & EPOLLOUT) != 0 && !flush(*connection)) {
          drop(*connection);
        } else if ((event.events & ~static_cast<std::uint32_t>(EPOLLOUT)) != 0) {
          receive(*connection);
        }
      }
      send_due_chunks();
    }
  }

  void report() const {
    std::printf("{\"connections\": %llu, \"requests\": %llu, \"streams_finished\": %llu, \"streams_aborted\": %llu}\n",
                static_cast<unsigned long long>(accepted_), static_cast<unsigned long long>(requests_),
                static_cast<unsigned long long>(streams_finished_), static_cast<unsigned long long>(streams_aborted_));
  }

 private:
  static std::string chunk(std::string_view bytes) {
    std::array<char, 20> size{};
    std::snprintf(size.data(), size.size(), "%zx\r\n", bytes.size());
    return size.data() + std::string(bytes) + "\r\n";
  }

  void watch(int fd, std::uint32_t events, int operation = EPOLL_CTL_ADD) const {
    epoll_event event{};
    event.events = events;
    event.data.fd = fd;
    epoll_ctl(epoll_, operation, fd, &event);
  }

  void listen_on(std::uint16_t port) const {
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    const int on = 1;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 || listen(fd, 8192) != 0) {
      Arguments::fail("cannot listen on 127.0.0.1:" + std::to_string(port) + ": " + std::strerror(errno));
    }
    watch(fd, EPOLLIN);
  }

  Connection* find(int fd) {
    return static_cast<std::size_t>(fd) < connections_.size() ? connections_[static_cast<std::size_t>(fd)].get() : nullptr;
  }

  void accept_all(int listener) {
    int fd = -1;
    while ((fd = accept4(listener, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
      const int on = 1;
      setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
      if (static_cast<std::size_t>(fd) >= connections_.size()) {
        connections_.resize(static_cast<std::size_t>(fd) + 1024);
      }
      auto connection = std::make_unique<Connection>();
      connection->fd = fd;
      connection->generation = ++accepted_;
      connections_[static_cast<std::size_t>(fd)] = std::move(connection);
      watch(fd, EPOLLIN | EPOLLRDHUP);
    }
  }

  void drop(Connection& connection) {
    if (connection.streaming) {
      ++streams_aborted_;
    }
    close(connection.fd);
    connections_[static_cast<std::size_t>(connection.fd)].reset();
  }

  void receive(Connection& connection) {
    const ssize_t size = recv(connection.fd, scratch_.data(), scratch_.size(), 0);
    if (size < 0 && (errno == EAGAIN || errno == EINTR)) {
      return;
    }
    if (size <= 0 || !take(connection, std::string_view(scratch_.data(), static_cast<std::size_t>(size)))) {
      drop(connection);
    }
  }

  /// False when the connection is of no further use.
  bool take(Connection& connection, std::string_view bytes) {
    while (!bytes.empty()) {
      if (connection.streaming) {
        return false;  // no proxy may send the next request before the answer to this one has ended
      }
      bytes.remove_prefix(connection.reader.feed(bytes, [&](std::string_view piece) {
        connection.body_bytes += piece.size();
        if (wants_echo(connection)) {
          connection.body_hash = fnv1a(connection.body_hash, piece);
        }
        connection.tail.append(piece.substr(piece.size() - std::min(piece.size(), TailBytes)));
        if (connection.tail.size() > TailBytes) {
          connection.tail.erase(0, connection.tail.size() - TailBytes);
        }
      }));
      if (connection.reader.bad()) {
        return false;
      }
      if (connection.reader.done()) {
        if (!answer(connection)) {
          return false;
        }
        connection.reader.next();
        connection.tail.clear();
        connection.body_bytes = 0;
        connection.body_hash = HashSeed;
      }
    }
    return true;
  }

  static bool wants_echo(const Connection& connection) {
    return connection.reader.head().find("-bench-echo:") != std::string_view::npos;
  }

  bool answer(Connection& connection) {
    ++requests_;
    ++connection.requests;
    const std::string_view line = connection.reader.first_line();
    if (wants_echo(connection)) {
      return send_bytes(connection, json_reply(describe(connection)));
    }
    if (line.starts_with("POST ")) {
      const bool stream = connection.tail.find("\"stream\":true") != std::string::npos || line.find("stream") != std::string_view::npos;
      return stream ? start_stream(connection) : send_bytes(connection, reply_);
    }
    if (line.starts_with("GET /v1/models")) {
      return send_bytes(connection, json_reply(R"({"object":"list","data":[{"id":"bench-model","object":"model","owned_by":"bench"}]})"));
    }
    if (line.starts_with("GET /health")) {
      return send_bytes(connection, json_reply("{}"));
    }
    return send_bytes(connection, "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n");
  }

  static std::string json_reply(const std::string& body) {
    return "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
  }

  static std::string describe(const Connection& connection) {
    std::string head;
    for (const char c : connection.reader.head()) {
      if (c == '\r') {
        continue;
      }
      if (c == '"' || c == '\\') {
        head += '\\';
      }
      head += c == '\n' ? std::string("\\n") : std::string(1, c);
    }
    return "{\"head\": \"" + head + "\", \"body_bytes\": " + std::to_string(connection.body_bytes) +
           ", \"body_hash\": " + std::to_string(connection.body_hash) +
           ", \"requests_on_connection\": " + std::to_string(connection.requests) + "}";
  }

  bool start_stream(Connection& connection) {
    connection.streaming = true;
    connection.chunks_left = number_field(connection.tail, "chunks", chunks_);
    connection.interval_ns = number_field(connection.tail, "interval_us", interval_us_) * 1000;
    connection.stream_hash = HashSeed;
    // The first chunk leaves at once. The next ones start at a phase of their own (golden-ratio steps fill the interval evenly), because
    // not all engines decode in lockstep and a burst of all streams together would measure the queue in front of one core.
    phase_ += 0.6180339887498949;
    phase_ -= static_cast<double>(static_cast<std::uint64_t>(phase_));
    const auto offset = static_cast<std::uint64_t>(phase_ * static_cast<double>(connection.interval_ns));
    const std::uint64_t first = (now_ns() + offset) / tick_ns_ * tick_ns_ + tick_ns_;
    due_.push({first, connection.fd, connection.generation});
    return send_bytes(connection, stream_head_) && send_chunk(connection);
  }

  bool send_chunk(Connection& connection) {
    if (connection.chunks_left == 0) {
      connection.stream_hash = fnv1a(connection.stream_hash, DoneEvent);
      connection.streaming = false;
      ++streams_finished_;
      return send_bytes(connection, chunk(DoneEvent) + chunk(hash_event(connection.stream_hash)) + "0\r\n\r\n");
    }
    --connection.chunks_left;
    std::uint64_t time = now_ns();
    for (std::size_t i = TimeDigits; i-- > 0; time /= 10) {
      event_[event_body_at_ + EventStart.size() + i] = static_cast<char>('0' + time % 10);
    }
    connection.stream_hash = fnv1a(connection.stream_hash, std::string_view(event_).substr(event_body_at_, EventBytes));
    return send_bytes(connection, event_);
  }

  void send_due_chunks() {
    const std::uint64_t now = now_ns();
    for (std::size_t sent = 0; sent < ChunksPerTurn && !due_.empty() && due_.top().at_ns <= now; ++sent) {
      Due due = due_.top();
      due_.pop();
      Connection* connection = find(due.fd);
      if (connection == nullptr || connection->generation != due.generation || !connection->streaming) {
        continue;
      }
      due.at_ns += connection->interval_ns;
      // A reader that is behind gets its next chunk when it has caught up.
      if (connection->unsent.empty() && !send_chunk(*connection)) {
        drop(*connection);
      } else if (connection->streaming) {
        due_.push(due);
      }
    }
  }

  const timespec* wait_for() {
    if (due_.empty()) {
      return nullptr;
    }
    const std::uint64_t now = now_ns();
    const std::uint64_t left = due_.top().at_ns > now ? due_.top().at_ns - now : 0;
    wait_.tv_sec = static_cast<time_t>(left / 1'000'000'000U);
    wait_.tv_nsec = static_cast<long>(left % 1'000'000'000U);
    return &wait_;
  }

  bool send_bytes(Connection& connection, std::string_view bytes) const {
    if (!connection.unsent.empty()) {
      connection.unsent += bytes;
      return true;
    }
    const ssize_t size = send(connection.fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (size < 0 && errno != EAGAIN) {
      return false;
    }
    const std::size_t sent = size < 0 ? 0 : static_cast<std::size_t>(size);
    if (sent < bytes.size()) {
      connection.unsent = bytes.substr(sent);
      watch(connection.fd, EPOLLIN | EPOLLRDHUP | EPOLLOUT, EPOLL_CTL_MOD);
    }
    return true;
  }

  bool flush(Connection& connection) const {
    const std::string bytes = std::exchange(connection.unsent, {});
    watch(connection.fd, EPOLLIN | EPOLLRDHUP, EPOLL_CTL_MOD);
    return send_bytes(connection, bytes);
  }

  std::uint64_t chunks_;
  std::uint64_t interval_us_;
  std::uint64_t tick_ns_;
  int epoll_;
  int signals_ = -1;
  std::string reply_;
  std::string stream_head_;
  std::string event_;
  std::size_t event_body_at_ = 0;
  double phase_ = 0;
  timespec wait_{};
  std::vector<std::unique_ptr<Connection>> connections_;  // by descriptor
  std::priority_queue<Due, std::vector<Due>, std::greater<>> due_;
  std::array<char, 128 << 10> scratch_{};
  std::uint64_t accepted_ = 0;
  std::uint64_t requests_ = 0;
  std::uint64_t streams_finished_ = 0;
  std::uint64_t streams_aborted_ = 0;
};

}  // namespace
}  // namespace proxy_bench

int main(int argc, char** argv) {
  using namespace proxy_bench;
  const Arguments arguments(argc, argv, {{"port", "9101"}, {"ports", "1"}, {"chunks", "50"}, {"interval-us", "20000"}, {"tick-us", "1000"}});
  const auto backend = std::make_unique<Backend>(arguments);
  std::puts("ready");
  std::fflush(stdout);
  backend->run();
  backend->report();
  return 0;
}
