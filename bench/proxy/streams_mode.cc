#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
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
constexpr std::uint64_t OpeningMs = 700;   // for how much longer than warm-up and window each stream is asked to last
constexpr std::size_t OpeningMax = 500;     // streams that may be on their way to their first event at one time
constexpr std::uint64_t EventsToBeOpen = 2;
constexpr std::uint64_t HeldChunks = 1'000'000'000;

struct Stream {
  int fd = -1;
  bool connecting = true;
  bool ended = false;
  std::uint64_t events = 0;   // data events with a time
  std::uint64_t hash = HashSeed;
  bool hash_right = false;
  bool done_seen = false;
  std::string partial;        // an event of which a part has come
  MessageReader reader;
};

class Load {
 public:
  explicit Load(const Arguments& arguments)
      : target_(parse_target(arguments.text("target"))),
        pids_(parse_pids(arguments.text("cpu-of"))),
        warmup_ns_(arguments.number("warmup-ms") * 1'000'000),
        window_ns_(arguments.number("window-ms") * 1'000'000),
        hold_(arguments.flag("hold")),
        epoll_(epoll_create1(EPOLL_CLOEXEC)),
        streams_(arguments.number("connections")) {
    const std::uint64_t interval_us = std::max<std::uint64_t>(arguments.number("interval-us"), 1);
    chunks_ = hold_ ? HeldChunks : (OpeningMs * 1'000'000 + warmup_ns_ + window_ns_) / 1000 / interval_us;
    request_ = chat_request(arguments.text("target"), arguments.number("body"),
                            ",\"stream\":true,\"chunks\":" + std::to_string(chunks_) + ",\"interval_us\":" + std::to_string(interval_us));
    delays_.reserve(4'000'000);
    if (hold_) {
      watch(epoll_, STDIN_FILENO, EPOLLIN, streams_.size(), EPOLL_CTL_ADD);
    }
  }

  int run() {
    last_event_ns_ = now_ns();
    std::array<epoll_event, 256> events{};
    while (!released_ && ended_ < streams_.size()) {
      while (next_ < streams_.size() && next_ - begun_ < OpeningMax && !stuck_) {
        open(next_++);
      }
      const int count = epoll_wait(epoll_, events.data(), static_cast<int>(events.size()), 50);
      for (int i = 0; i < count; ++i) {
        if (events[static_cast<std::size_t>(i)].data.u64 == streams_.size()) {
          released_ = true;
        } else {
          handle(streams_[events[static_cast<std::size_t>(i)].data.u64], events[static_cast<std::size_t>(i)].data.u64);
        }
      }
      const std::uint64_t now = now_ns();
      tick(now);
      if (now - last_event_ns_ > StallNs) {
        ++errors_;
        complain("no event on any stream for 10 s");
        break;
      }
    }
    if (!hold_ && phase_ != Phase::After) {
      ++errors_;
      complain("all streams ended before the window did");
    }
    print();
    return errors_ == 0 ? 0 : 1;
  }

 private:
  enum class Phase : std::uint8_t { Opening, Warmup, Window, After };

  void tick(std::uint64_t now) {
    if (phase_ == Phase::Opening && open_ == streams_.size()) {
      phase_ = Phase::Warmup;
      window_begin_ns_ = now + warmup_ns_;
      if (hold_) {
        std::printf("{\"ready\": %zu, \"errors\": %llu}\n", streams_.size(), static_cast<unsigned long long>(errors_));
        std::fflush(stdout);
      }
    } else if (phase_ == Phase::Warmup && now >= window_begin_ns_ && !hold_) {
      phase_ = Phase::Window;
      window_begin_ns_ = now;
      cpu_ns_ = cpu_ns(pids_);
    } else if (phase_ == Phase::Window && now >= window_begin_ns_ + window_ns_) {
      phase_ = Phase::After;
      window_ns_ = now - window_begin_ns_;
      cpu_ns_ = cpu_ns(pids_) - cpu_ns_;
      if (ended_ > 0) {
        ++errors_;
        complain("streams ended before the window did");
      }
    }
  }

  void open(std::size_t index) {
    Stream& stream = streams_[index];
    stream.fd = start_connect(target_, index);
    if (stream.fd < 0) {
      stuck_ = true;
      fail(stream, "no socket");
      return;
    }
    watch(epoll_, stream.fd, EPOLLOUT, index, EPOLL_CTL_ADD);
  }

  void handle(Stream& stream, std::uint64_t index) {
    if (stream.ended) {
      return;
    }
    if (stream.connecting) {
      stream.connecting = false;
      const bool sent = connected(stream.fd) &&
                        send(stream.fd, request_.data(), request_.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(request_.size());
      if (!sent) {
        fail(stream, "connecting or sending failed");
        return;
      }
      watch(epoll_, stream.fd, EPOLLIN, index, EPOLL_CTL_MOD);
      return;
    }
    std::string_view bytes;
    const std::int64_t size = receive(stream.fd, bytes);
    if (size < 0) {
      return;
    }
    if (size == 0) {
      fail(stream, "closed after " + std::to_string(stream.events) + " events");
      return;
    }
    reads_ += phase_ == Phase::Window ? 1 : 0;
    bytes_in_ += phase_ == Phase::Window ? bytes.size() : 0;
    const std::uint64_t now = now_ns();
    bytes.remove_prefix(stream.reader.feed(bytes, [&](std::string_view piece) { take_events(stream, piece, now); }));
    if (stream.reader.bad() || !bytes.empty() || (stream.reader.in_body() && stream.reader.status() != 200)) {
      fail(stream, stream.reader.bad() ? "malformed answer" : "status " + std::to_string(stream.reader.status()));
    } else if (stream.reader.done()) {
      finish(stream);
    }
  }

  void take_events(Stream& stream, std::string_view piece, std::uint64_t now) {
    while (!piece.empty()) {
      std::size_t end = 0;
      if (stream.partial.empty()) {
        end = piece.find("\n\n");
        if (end != std::string_view::npos) {
          take_event(stream, piece.substr(0, end + 2), now);
          piece.remove_prefix(end + 2);
          continue;
        }
        stream.partial = piece;
        return;
      }
      // The blank line itself may be cut in two, so look from the last byte that is already here.
      const std::size_t before = stream.partial.size();
      stream.partial += piece;
      end = stream.partial.find("\n\n", before - 1);
      if (end == std::string::npos) {
        return;
      }
      piece.remove_prefix(end + 2 - before);
      stream.partial.resize(end + 2);
      take_event(stream, stream.partial, now);
      stream.partial.clear();
    }
  }

  void take_event(Stream& stream, std::string_view event, std::uint64_t now) {
    if (event.starts_with(HashStart)) {
      stream.hash_right = stream.done_seen && event == hash_event(stream.hash);
      return;
    }
    stream.hash = fnv1a(stream.hash, event);
    if (event == DoneEvent) {
      stream.done_seen = true;
      return;
    }
    if (!event.starts_with(EventStart) || event.size() != EventBytes) {
      ++errors_;
      complain("stream: an event that nobody sent");
      return;
    }
    std::uint64_t sent_at = 0;
    for (const char c : event.substr(EventStart.size(), TimeDigits)) {
      sent_at = sent_at * 10 + static_cast<std::uint64_t>(c - '0');
    }
    last_event_ns_ = now;
    ++stream.events;
    begun_ += stream.events == 1 ? 1 : 0;
    open_ += stream.events == EventsToBeOpen ? 1 : 0;
    if (phase_ == Phase::Window) {
      delays_.push_back(static_cast<std::uint32_t>(std::min<std::uint64_t>(now - sent_at, UINT32_MAX)));
    }
  }

  void finish(Stream& stream) {
    const bool whole = stream.hash_right && stream.events == chunks_ && stream.partial.empty();
    verified_ += whole ? 1 : 0;
    if (!whole) {
      fail(stream, "ended with status " + std::to_string(stream.reader.status()) + " and not the bytes that were sent");
      return;
    }
    end(stream);
  }

  void fail(Stream& stream, const std::string& why) {
    ++errors_;
    complain("stream: " + why);
    end(stream);
  }

  void end(Stream& stream) {
    // It must not hold up the opening of the others.
    begun_ += stream.events < 1 ? 1 : 0;
    open_ += stream.events < EventsToBeOpen ? 1 : 0;
    stream.ended = true;
    ++ended_;
    if (stream.fd >= 0) {
      close(stream.fd);
    }
  }

  void print() {
    const double chunks = static_cast<double>(delays_.size());
    const double p50 = percentile(delays_, 0.50) / 1000;
    const double p99 = percentile(delays_, 0.99) / 1000;
    std::printf("{\"mode\": \"streams\", \"streams\": %zu, \"window_ns\": %llu, \"chunks\": %zu, \"reads_per_chunk\": %.3f, "
                "\"bytes_in\": %llu, \"delay_p50_us\": %.1f, \"delay_p99_us\": %.1f, \"streams_verified\": %llu, \"errors\": %llu, "
                "\"cpu_ns\": %llu}\n",
                streams_.size(), static_cast<unsigned long long>(window_ns_), delays_.size(),
                chunks > 0 ? static_cast<double>(reads_) / chunks : 0, static_cast<unsigned long long>(bytes_in_), p50, p99,
                static_cast<unsigned long long>(verified_), static_cast<unsigned long long>(errors_),
                static_cast<unsigned long long>(cpu_ns_));
  }

  sockaddr_in target_;
  std::string request_;
  std::vector<int> pids_;
  std::uint64_t warmup_ns_;
  std::uint64_t window_ns_;
  bool hold_;                 // keep the streams running until standard input closes
  std::uint64_t chunks_ = 0;
  int epoll_;
  std::vector<Stream> streams_;
  std::vector<std::uint32_t> delays_;
  Phase phase_ = Phase::Opening;
  bool stuck_ = false;
  bool released_ = false;
  std::size_t next_ = 0;
  std::size_t begun_ = 0;
  std::size_t open_ = 0;
  std::size_t ended_ = 0;
  std::uint64_t window_begin_ns_ = 0;
  std::uint64_t last_event_ns_ = 0;
  std::uint64_t cpu_ns_ = 0;
  std::uint64_t reads_ = 0;
  std::uint64_t bytes_in_ = 0;
  std::uint64_t verified_ = 0;
  std::uint64_t errors_ = 0;
};

}  // namespace

int load_streams(const Arguments& arguments) {
  return Load(arguments).run();
}

}  // namespace proxy_bench
