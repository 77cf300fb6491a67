#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <string>
#include <vector>

#include "bench/proxy/message_reader.h"
#include "bench/proxy/modes.h"
#include "bench/proxy/sockets.h"
#include "bench/proxy/wire.h"

namespace proxy_bench {
namespace {

constexpr std::uint64_t StallNs = 10'000'000'000;
constexpr std::size_t OpeningMax = 100;

class Holder {
 public:
  explicit Holder(const Arguments& arguments)
      : target_(parse_target(arguments.text("target"))),
        request_(arguments.flag("after-request") ? chat_request(arguments.text("target"), arguments.number("body"), "") : ""),
        epoll_(epoll_create1(EPOLL_CLOEXEC)),
        fds_(arguments.number("connections"), -1) {
    watch(epoll_, STDIN_FILENO, EPOLLIN, fds_.size(), EPOLL_CTL_ADD);
    readers_.resize(request_.empty() ? 0 : fds_.size());
  }

  int run() {
    std::array<epoll_event, 256> events{};
    std::uint64_t progress_ns = now_ns();
    bool told = false;
    while (!released_) {
      while (next_ < fds_.size() && next_ - settled_ < OpeningMax && errors_ == 0) {
        open(next_++);
      }
      const int count = epoll_wait(epoll_, events.data(), static_cast<int>(events.size()), 100);
      for (int i = 0; i < count; ++i) {
        handle(events[static_cast<std::size_t>(i)].data.u64);
      }
      if (count > 0) {
        progress_ns = now_ns();
      }
      const bool all = settled_ == fds_.size();
      if (errors_ > 0 || (!all && now_ns() - progress_ns > StallNs)) {
        fail("could not keep all connections open");
        break;
      }
      if (all && !told) {
        told = true;
        std::printf("{\"ready\": %zu, \"errors\": 0}\n", fds_.size());
        std::fflush(stdout);
      }
    }
    std::printf("{\"mode\": \"idle\", \"connections\": %zu, \"errors\": %llu}\n", settled_, static_cast<unsigned long long>(errors_));
    return errors_ == 0 ? 0 : 1;
  }

 private:
  void fail(const std::string& why) {
    ++errors_;
    complain("idle connection: " + why);
  }

  void open(std::size_t index) {
    fds_[index] = start_connect(target_, index);
    if (fds_[index] < 0) {
      fail("no socket");
      return;
    }
    watch(epoll_, fds_[index], EPOLLOUT, index, EPOLL_CTL_ADD);
    connecting_.resize(fds_.size(), true);
  }

  void handle(std::uint64_t index) {
    if (index == fds_.size()) {
      released_ = true;
      return;
    }
    const int fd = fds_[index];
    if (connecting_[index]) {
      connecting_[index] = false;
      if (!connected(fd) || (!request_.empty() && send(fd, request_.data(), request_.size(), MSG_NOSIGNAL) < 0)) {
        fail("connecting or sending failed");
        return;
      }
      watch(epoll_, fd, EPOLLIN | EPOLLRDHUP, index, EPOLL_CTL_MOD);
      settled_ += request_.empty() ? 1 : 0;
      return;
    }
    std::string_view bytes;
    const std::int64_t size = receive(fd, bytes);
    if (size < 0) {
      return;
    }
    // An idle connection may not end while it is being measured, and nobody asked for a byte on it.
    if (size == 0 || request_.empty()) {
      fail(size == 0 ? "closed" : "bytes that nobody asked for");
      return;
    }
    MessageReader& reader = readers_[index];
    bytes.remove_prefix(reader.feed(bytes, [](std::string_view) {}));
    if (reader.bad() || !bytes.empty() || (reader.done() && reader.status() != 200)) {
      fail("status " + std::to_string(reader.status()));
    } else if (reader.done()) {
      ++settled_;
    }
  }

  sockaddr_in target_;
  std::string request_;
  int epoll_;
  std::vector<int> fds_;
  std::vector<bool> connecting_;
  std::vector<MessageReader> readers_;
  std::size_t next_ = 0;
  std::size_t settled_ = 0;
  bool released_ = false;
  std::uint64_t errors_ = 0;
};

}  // namespace

int hold_connections(const Arguments& arguments) {
  return Holder(arguments).run();
}

}  // namespace proxy_bench
