#include "bench/proxy/sockets.h"

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <system_error>

#include "bench/proxy/arguments.h"
#include "bench/proxy/wire.h"

namespace proxy_bench {

sockaddr_in parse_target(std::string_view text) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  const std::size_t colon = text.find(':');
  std::uint16_t port = 0;
  if (colon != std::string_view::npos) {
    std::from_chars(text.data() + colon + 1, text.data() + text.size(), port);
  }
  if (port == 0 || inet_pton(AF_INET, std::string(text.substr(0, colon)).c_str(), &address.sin_addr) != 1) {
    Arguments::fail("--target is '" + std::string(text) + "'; it must be an IPv4 address and port, as in 127.0.0.1:8080");
  }
  address.sin_port = htons(port);
  return address;
}

int start_connect(const sockaddr_in& target, std::uint64_t number) {
  static constexpr std::uint64_t ConnectionsPerAddress = 20'000;
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) {
    return -1;
  }
  const int on = 1;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  if (const std::uint64_t address = number / ConnectionsPerAddress; address > 0) {
    sockaddr_in source{};
    source.sin_family = AF_INET;
    source.sin_addr.s_addr = htonl(INADDR_LOOPBACK + static_cast<std::uint32_t>(address));
    setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on);
    bind(fd, reinterpret_cast<const sockaddr*>(&source), sizeof source);
  }
  if (connect(fd, reinterpret_cast<const sockaddr*>(&target), sizeof target) != 0 && errno != EINPROGRESS) {
    close(fd);
    return -1;
  }
  return fd;
}

bool connected(int fd) {
  int error = 0;
  socklen_t size = sizeof error;
  return getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) == 0 && error == 0;
}

void watch(int epoll, int fd, std::uint32_t events, std::uint64_t tag, int operation) {
  epoll_event event{};
  event.events = events;
  event.data.u64 = tag;
  epoll_ctl(epoll, operation, fd, &event);
}

std::int64_t receive(int fd, std::string_view& bytes) {
  static std::array<char, 128 << 10> buffer;
  const ssize_t size = recv(fd, buffer.data(), buffer.size(), 0);
  if (size < 0) {
    bytes = {};
    return errno == EAGAIN || errno == EINTR ? -1 : 0;
  }
  bytes = {buffer.data(), static_cast<std::size_t>(size)};
  return size;
}

std::string chat_request(std::string_view host, std::size_t body_bytes, std::string_view extra) {
  const std::string before =
      R"({"messages":[{"role":"system","content":"You are a helpful assistant."},{"role":"user","content":")";
  const std::string after =
      R"("}],"model":"bench-model","max_tokens":160,"temperature":0.7)" + std::string(extra) + "}";
  const std::size_t fixed = before.size() + after.size();
  return chat_post(host, before + filler(body_bytes > fixed ? body_bytes - fixed : 1) + after);
}

std::string chat_post(std::string_view host, const std::string& body) {
  return "POST /v1/chat/completions HTTP/1.1\r\n"
         "Host: " + std::string(host) + "\r\n"
         "Accept-Encoding: gzip, deflate\r\n"
         "Connection: keep-alive\r\n"
         "Accept: application/json\r\n"
         "Content-Type: application/json\r\n"
         "User-Agent: OpenAI/Python 1.55.0\r\n"
         "X-Stainless-Lang: python\r\n"
         "X-Stainless-Runtime-Version: 3.11.2\r\n"
         "Authorization: Bearer sk-bench-0123456789abcdef0123456789abcdef\r\n"
         "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
}

std::uint64_t cpu_ns(const std::vector<int>& pids) {
  std::uint64_t total = 0;
  for (const int pid : pids) {
    std::error_code gone;
    for (const auto& task : std::filesystem::directory_iterator("/proc/" + std::to_string(pid) + "/task", gone)) {
      std::ifstream file(task.path() / "schedstat");
      std::uint64_t on_cpu = 0;
      if (file >> on_cpu) {
        total += on_cpu;
      }
    }
  }
  return total;
}

void complain(const std::string& text) {
  static constexpr int ComplaintsMax = 3;
  static int complaints = 0;
  if (complaints++ < ComplaintsMax) {
    std::fprintf(stderr, "client: %s\n", text.c_str());
  }
}

std::vector<int> parse_pids(std::string_view text) {
  std::vector<int> pids;
  while (!text.empty()) {
    const std::string_view word = text.substr(0, text.find(','));
    int pid = 0;
    if (const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), pid);
        error != std::errc() || end != word.data() + word.size()) {
      Arguments::fail("--cpu-of is a list of process ids, as in 12,34");
    }
    pids.push_back(pid);
    text.remove_prefix(std::min(text.size(), word.size() + 1));
  }
  return pids;
}

double percentile(std::vector<std::uint32_t>& samples, double share) {
  if (samples.empty()) {
    return 0;
  }
  std::sort(samples.begin(), samples.end());
  const auto rank = static_cast<std::size_t>(std::ceil(share * static_cast<double>(samples.size())));
  return static_cast<double>(samples[std::clamp<std::size_t>(rank, 1, samples.size()) - 1]);
}

}  // namespace proxy_bench
