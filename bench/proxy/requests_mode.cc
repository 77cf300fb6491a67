#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <string>
#include <vector>

#include "bench/proxy/conversation.h"
#include "bench/proxy/message_reader.h"
#include "bench/proxy/modes.h"
#include "bench/proxy/sockets.h"
#include "bench/proxy/wire.h"

namespace proxy_bench {
namespace {

constexpr std::uint64_t StallNs = 10'000'000'000;  // without any answer: give up
constexpr std::uint64_t ErrorsMax = 1000;          // what is measured is broken: no point in going on

struct Connection {
  int fd = -1;
  bool connecting = false;
  std::uint64_t sent_at_ns = 0;
  const std::string* request = nullptr;
  std::size_t unsent = 0;        // bytes of the request that the socket did not take
  std::size_t body_at = 0;       // how much of the expected answer has come
  bool body_wrong = false;
  MessageReader reader;
};

class Load {
 public:
  explicit Load(const Arguments& arguments)
      : target_(parse_target(arguments.text("target"))),
        expected_(reply_body()),
        pids_(parse_pids(arguments.text("cpu-of"))),
        warmup_ns_(arguments.number("warmup-ms") * 1'000'000),
        window_ns_(arguments.number("window-ms") * 1'000'000),
        requests_max_(arguments.number("requests")),
        epoll_(epoll_create1(EPOLL_CLOEXEC)),
        connections_(arguments.number("connections")) {
    latencies_.reserve(4'000'000);
    const std::string target = arguments.text("target");
    for (std::uint64_t i = 0; i < arguments.number("conversations"); ++i) {
      requests_.push_back(conversation_request(target, arguments.number("body"), i));
    }
    if (requests_.empty()) {
      requests_.push_back(chat_request(target, arguments.number("body"), ""));
    }
  }

  int run() {
    for (std::size_t i = 0; i < connections_.size(); ++i) {
      open(i);
    }
    const std::uint64_t begin = now_ns();
    last_answer_ns_ = begin;
    window_begin_ns_ = begin + warmup_ns_;
    if (requests_max_ > 0) {
      start_window(begin);
    }
    std::array<epoll_event, 256> events{};
    while (!finished_) {
      const int count = epoll_wait(epoll_, events.data(), static_cast<int>(events.size()), 100);
      for (int i = 0; i < count && !finished_; ++i) {
        handle(events[static_cast<std::size_t>(i)].data.u64, events[static_cast<std::size_t>(i)].events);
      }
      const std::uint64_t now = now_ns();
      tick(now);
      if (errors_ > ErrorsMax || now - last_answer_ns_ > StallNs) {
        ++errors_;
        complain(errors_ > ErrorsMax ? "too many errors" : "no answer for 10 s");
        finish(now);
      }
    }
    print();
    return errors_ == 0 && answered_ > 0 ? 0 : 1;
  }

 private:
  void tick(std::uint64_t now) {
    if (requests_max_ > 0 || finished_) {
      return;
    }
    if (!in_window_ && now >= window_begin_ns_) {
      start_window(now);
    } else if (in_window_ && now >= window_begin_ns_ + window_ns_) {
      finish(now);
    }
  }

  void start_window(std::uint64_t now) {
    in_window_ = true;
    window_begin_ns_ = now;
    cpu_ns_ = cpu_ns(pids_);
  }

  void finish(std::uint64_t now) {
    finished_ = true;
    cpu_ns_ = in_window_ ? cpu_ns(pids_) - cpu_ns_ : 0;
    window_ns_ = in_window_ ? now - window_begin_ns_ : 0;
  }

  void open(std::size_t index) {
    Connection& connection = connections_[index];
    connection = Connection{};
    connection.fd = start_connect(target_, index);
    if (connection.fd < 0) {
      ++errors_;
      complain("no socket");
      return;
    }
    connection.connecting = true;
    watch(epoll_, connection.fd, EPOLLOUT, index, EPOLL_CTL_ADD);
  }

  void reopen(std::size_t index, const char* error) {
    if (error != nullptr) {
      ++errors_;
      complain(error);
    }
    ++reconnects_;
    close(connections_[index].fd);
    open(index);
  }

  void handle(std::size_t index, std::uint32_t events) {
    Connection& connection = connections_[index];
    if (connection.connecting) {
      if (!connected(connection.fd)) {
        reopen(index, "connecting failed");
        return;
      }
      connection.connecting = false;
      watch(epoll_, connection.fd, EPOLLIN, index, EPOLL_CTL_MOD);
      start_request(index, now_ns());
    } else if ((events & EPOLLOUT) != 0) {
      push(index);
    } else {
      take(index);
    }
  }

  void start_request(std::size_t index, std::uint64_t now) {
    if (requests_max_ > 0 && started_ == requests_max_) {
      return;
    }
    Connection& connection = connections_[index];
    connection.request = &requests_[started_++ % requests_.size()];
    connection.sent_at_ns = now;
    connection.unsent = connection.request->size();
    connection.body_at = 0;
    connection.body_wrong = false;
    push(index);
  }

  void push(std::size_t index) {
    Connection& connection = connections_[index];
    const std::string& request = *connection.request;
    const char* from = request.data() + (request.size() - connection.unsent);
    const ssize_t size = send(connection.fd, from, connection.unsent, MSG_NOSIGNAL);
    if (size < 0 && errno != EAGAIN) {
      reopen(index, "sending failed");
      return;
    }
    const bool was_whole = connection.unsent == request.size();
    connection.unsent -= size < 0 ? 0 : static_cast<std::size_t>(size);
    if (connection.unsent > 0 || !was_whole) {
      watch(epoll_, connection.fd, connection.unsent > 0 ? EPOLLIN | EPOLLOUT : EPOLLIN, index, EPOLL_CTL_MOD);
    }
  }

  void take(std::size_t index) {
    Connection& connection = connections_[index];
    std::string_view bytes;
    const std::int64_t size = receive(connection.fd, bytes);
    if (size < 0) {
      return;
    }
    if (size == 0) {
      const bool waiting = connection.sent_at_ns != 0;  // a close between requests is the proxy's right
      reopen(index, waiting ? "closed before the answer was complete" : nullptr);
      return;
    }
    bytes_in_ += in_window_ ? bytes.size() : 0;
    bytes.remove_prefix(connection.reader.feed(bytes, [&](std::string_view piece) {
      const std::size_t end = connection.body_at + piece.size();
      connection.body_wrong |= end > expected_.size() || piece != std::string_view(expected_).substr(connection.body_at, piece.size());
      connection.body_at = std::min(end, expected_.size());
    }));
    if (connection.reader.bad() || !bytes.empty()) {
      reopen(index, "malformed answer");
      return;
    }
    if (connection.reader.done()) {
      answered(index);
    }
  }

  void answered(std::size_t index) {
    Connection& connection = connections_[index];
    const std::uint64_t now = now_ns();
    last_answer_ns_ = now;
    if (connection.reader.status() != 200 || connection.body_wrong || connection.body_at != expected_.size()) {
      ++errors_;
      complain("status " + std::to_string(connection.reader.status()) + (connection.body_wrong ? ", wrong body" : ""));
    } else if (in_window_) {
      ++answered_;
      latencies_.push_back(static_cast<std::uint32_t>(std::min<std::uint64_t>(now - connection.sent_at_ns, UINT32_MAX)));
      bytes_out_ += connection.request->size();
    }
    if (requests_max_ > 0 && answered_ + errors_ >= requests_max_) {
      finish(now);
      return;
    }
    connection.sent_at_ns = 0;
    const bool close_it = connection.reader.close();
    connection.reader.next();
    if (close_it) {
      reopen(index, nullptr);
    } else {
      start_request(index, now);
    }
  }

  void print() {
    const double p50 = percentile(latencies_, 0.50) / 1000;
    const double p99 = percentile(latencies_, 0.99) / 1000;
    std::printf("{\"mode\": \"requests\", \"window_ns\": %llu, \"requests\": %llu, \"errors\": %llu, \"reconnects\": %llu, "
                "\"bytes_in\": %llu, \"bytes_out\": %llu, \"p50_us\": %.1f, \"p99_us\": %.1f, \"cpu_ns\": %llu}\n",
                static_cast<unsigned long long>(window_ns_), static_cast<unsigned long long>(answered_),
                static_cast<unsigned long long>(errors_), static_cast<unsigned long long>(reconnects_),
                static_cast<unsigned long long>(bytes_in_), static_cast<unsigned long long>(bytes_out_), p50, p99,
                static_cast<unsigned long long>(cpu_ns_));
  }

  sockaddr_in target_;
  std::vector<std::string> requests_;  // sent in turn
  std::string expected_;
  std::vector<int> pids_;
  std::uint64_t warmup_ns_;
  std::uint64_t window_ns_;
  std::uint64_t requests_max_;  // 0: until the window ends
  int epoll_;
  std::vector<Connection> connections_;
  std::vector<std::uint32_t> latencies_;
  bool in_window_ = false;
  bool finished_ = false;
  std::uint64_t window_begin_ns_ = 0;
  std::uint64_t last_answer_ns_ = 0;
  std::uint64_t cpu_ns_ = 0;
  std::uint64_t started_ = 0;
  std::uint64_t answered_ = 0;
  std::uint64_t errors_ = 0;
  std::uint64_t reconnects_ = 0;
  std::uint64_t bytes_in_ = 0;
  std::uint64_t bytes_out_ = 0;
};

}  // namespace

int load_requests(const Arguments& arguments) {
  return Load(arguments).run();
}

}  // namespace proxy_bench
