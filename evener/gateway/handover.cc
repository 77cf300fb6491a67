#include "evener/gateway/handover.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstring>
#include <memory>

#include "evener/base/clock.h"
#include "evener/core/rng.h"

namespace evener::gateway {
namespace {

constexpr char AskForListeners = 'L';
constexpr char Confirm = 'C';
constexpr int PeerTimeoutMs = 5000;
constexpr int HiddenNamesTried = 8;

Result<sockaddr_un> unix_address(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) {
    return fail("handover_socket \"" + path + "\" is longer than " + std::to_string(sizeof address.sun_path - 1) +
                " bytes; use a shorter path");
  }
  std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
  return address;
}

/// A connected socket, or -1 when nobody listens there.
int connect_to(const std::string& path) {
  const auto address = unix_address(path);
  if (!address) return -1;
  const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return -1;
  const timeval timeout{.tv_sec = PeerTimeoutMs / 1000, .tv_usec = 0};
  ::setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof timeout);
  ::setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof timeout);
  if (::connect(fd, reinterpret_cast<const sockaddr*>(&*address), sizeof *address) == 0) return fd;
  ::close(fd);
  return -1;
}

/// A name in the same folder that nobody else uses: short, because a socket's path is.
std::string hidden_name(const std::string& path) {
  static std::atomic<std::uint64_t> made{0};
  std::uint64_t chance = static_cast<std::uint64_t>(wall_clock_ns()) ^ (static_cast<std::uint64_t>(::getpid()) << 32) ^ made++;
  std::string name = path.substr(0, path.rfind('/') + 1) + ".";  // rfind's npos + 1 is 0: this folder
  for (int i = 0; i < 7; ++i) name += "0123456789abcdef"[splitmix64(chance + static_cast<std::uint64_t>(i)) % 16];
  return name;
}

bool send_descriptors(int peer, const std::vector<int>& descriptors) {
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int) * HandoverDescriptorsMax)] = {};
  auto count = static_cast<std::uint32_t>(descriptors.size());
  iovec data{&count, sizeof count};
  msghdr message{};
  message.msg_iov = &data;
  message.msg_iovlen = 1;
  if (!descriptors.empty()) {
    message.msg_control = control;
    message.msg_controllen = CMSG_SPACE(sizeof(int) * descriptors.size());
    cmsghdr* header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(sizeof(int) * descriptors.size());
    std::memcpy(CMSG_DATA(header), descriptors.data(), sizeof(int) * descriptors.size());
  }
  return ::sendmsg(peer, &message, MSG_NOSIGNAL) == static_cast<ssize_t>(sizeof count);
}

Result<std::vector<int>> receive_descriptors(int peer) {
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int) * HandoverDescriptorsMax)] = {};
  std::uint32_t count = 0;
  iovec data{&count, sizeof count};
  msghdr message{};
  message.msg_iov = &data;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = sizeof control;
  const ssize_t got = ::recvmsg(peer, &message, MSG_CMSG_CLOEXEC);
  std::vector<int> descriptors;
  if (got > 0) {
    for (cmsghdr* header = CMSG_FIRSTHDR(&message); header != nullptr; header = CMSG_NXTHDR(&message, header)) {
      if (header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS) continue;
      const std::size_t received = (header->cmsg_len - CMSG_LEN(0)) / sizeof(int);
      descriptors.resize(received);
      std::memcpy(descriptors.data(), CMSG_DATA(header), received * sizeof(int));
    }
  }
  if (got == static_cast<ssize_t>(sizeof count) && descriptors.size() == count && (message.msg_flags & MSG_CTRUNC) == 0) return descriptors;
  for (const int fd : descriptors) ::close(fd);
  return fail("the running process did not hand its listeners over; stop it first, or try again");
}

}  // namespace

Result<std::vector<int>> take_over_listeners(const std::string& socket_path) {
  const int peer = connect_to(socket_path);
  if (peer < 0) return std::vector<int>();
  Result<std::vector<int>> taken = fail("the running process at " + socket_path + " does not answer");
  if (::send(peer, &AskForListeners, 1, MSG_NOSIGNAL) == 1) taken = receive_descriptors(peer);
  ::close(peer);
  return taken;
}

Result<std::unique_ptr<HandoverServer>> HandoverServer::start(std::string socket_path, std::vector<int> descriptors,
                                                              std::function<void()> taken) {
  if (descriptors.size() > HandoverDescriptorsMax) {
    return fail("handover is limited to " + std::to_string(HandoverDescriptorsMax) + " listeners; this process has " +
                std::to_string(descriptors.size()));
  }
  if (const auto address = unix_address(socket_path); !address) return tl::unexpected(address.error());
  const auto failed = [&](const char* step) { return fail("handover_socket " + socket_path + ": " + step + ": " + std::strerror(errno)); };
  const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0) return failed("socket");
  // What is there is of the process that runs, or of one that ended without cleaning up. Anything else than a socket was named by mistake.
  struct stat found{};
  if (::lstat(socket_path.c_str(), &found) == 0 && !S_ISSOCK(found.st_mode)) {
    ::close(fd);
    return fail("handover_socket " + socket_path + " is there already and is no socket; name another path");
  }
  // The file gets its mode from the descriptor, at the moment it appears: a chmod afterwards would leave a moment for others, and the umask
  // belongs to all threads.
  ::fchmod(fd, 0600);
  std::string bound_at;
  for (int tries = 0; bound_at.empty() && tries < HiddenNamesTried; ++tries) {
    const std::string name = hidden_name(socket_path);
    const auto address = unix_address(name);
    if (!address) {
      ::close(fd);
      return tl::unexpected(address.error());
    }
    if (::bind(fd, reinterpret_cast<const sockaddr*>(&*address), sizeof *address) == 0) {
      bound_at = name;
    } else if (errno != EADDRINUSE) {
      break;
    }
  }
  const int stop_fd = bound_at.empty() ? -1 : ::eventfd(0, EFD_CLOEXEC);
  if (stop_fd < 0 || ::listen(fd, 4) != 0) {
    auto error = failed("bind");
    if (!bound_at.empty()) ::unlink(bound_at.c_str());
    if (stop_fd >= 0) ::close(stop_fd);
    ::close(fd);
    return error;
  }
  return std::unique_ptr<HandoverServer>(
      new HandoverServer(std::move(socket_path), std::move(bound_at), fd, stop_fd, std::move(descriptors), std::move(taken)));
}

Result<void> HandoverServer::take_place() {
  // Connected before the name is ours: afterwards nobody would find it.
  const int predecessor = connect_to(socket_path_);
  if (::rename(bound_at_.c_str(), socket_path_.c_str()) != 0) {
    const int error = errno;
    if (predecessor >= 0) ::close(predecessor);
    return fail("handover_socket " + socket_path_ + ": rename: " + std::strerror(error));
  }
  bound_at_ = socket_path_;
  if (predecessor < 0) return {};
  if (::send(predecessor, &Confirm, 1, MSG_NOSIGNAL) == 1) {
    // It answers once it has heard; from then on it will drain.
    char done = 0;
    [[maybe_unused]] const auto got = ::recv(predecessor, &done, 1, 0);
  }
  ::close(predecessor);
  return {};
}

HandoverServer::HandoverServer(std::string socket_path, std::string bound_at, int listen_fd, int stop_fd, std::vector<int> descriptors,
                               std::function<void()> taken)
    : socket_path_(std::move(socket_path)),
      bound_at_(std::move(bound_at)),
      listen_fd_(listen_fd),
      stop_fd_(stop_fd),
      descriptors_(std::move(descriptors)),
      taken_(std::move(taken)) {
  struct stat ours{};
  if (::lstat(bound_at_.c_str(), &ours) == 0) inode_ = ours.st_ino;
  thread_ = std::thread([this] { run(); });
}

HandoverServer::~HandoverServer() {
  const std::uint64_t one = 1;
  [[maybe_unused]] const auto written = ::write(stop_fd_, &one, sizeof one);
  thread_.join();
  ::close(listen_fd_);
  ::close(stop_fd_);
  remove_name();
}

void HandoverServer::remove_name() const {
  // After a handover the name belongs to the new process.
  struct stat found{};
  if (::lstat(bound_at_.c_str(), &found) == 0 && found.st_ino == inode_) ::unlink(bound_at_.c_str());
}

void HandoverServer::run() {
  for (;;) {
    pollfd waits[2] = {{.fd = listen_fd_, .events = POLLIN, .revents = 0}, {.fd = stop_fd_, .events = POLLIN, .revents = 0}};
    if (::poll(waits, 2, -1) < 0 && errno != EINTR) return;
    if (waits[1].revents != 0) return;
    if (waits[0].revents == 0) continue;
    const int peer = ::accept4(listen_fd_, nullptr, nullptr, SOCK_CLOEXEC);
    if (peer < 0) continue;
    const timeval timeout{.tv_sec = PeerTimeoutMs / 1000, .tv_usec = 0};
    ::setsockopt(peer, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof timeout);
    char what = 0;
    if (::recv(peer, &what, 1, 0) == 1) {
      if (what == AskForListeners) send_descriptors(peer, descriptors_);
      if (what == Confirm && !given_away_) {
        given_away_ = true;
        [[maybe_unused]] const auto sent = ::send(peer, &Confirm, 1, MSG_NOSIGNAL);
        ::close(peer);
        taken_();
        continue;
      }
    }
    ::close(peer);
  }
}

}  // namespace evener::gateway
