#include "evener/gateway/handover.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <atomic>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "evener/net/testing.h"

namespace evener::gateway {
namespace {

struct Folder {
  Folder() {
    std::string pattern = (std::filesystem::temp_directory_path() / "evener-handover-XXXXXX").string();
    REQUIRE(::mkdtemp(pattern.data()) != nullptr);
    path = pattern;
  }
  ~Folder() { std::filesystem::remove_all(path); }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  std::string path;
};

ino_t inode_of(int fd) {
  struct stat found{};
  REQUIRE(::fstat(fd, &found) == 0);
  return found.st_ino;
}

void close_all(const std::vector<int>& fds) {
  for (const int fd : fds) ::close(fd);
}

std::function<void()> not_taken() {
  return [] { FAIL_CHECK("nobody has confirmed"); };
}

/// Connects to the socket, sends the bytes and returns what comes back until the server closes.
std::string say(const std::string& path, std::string_view bytes) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
  const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  REQUIRE(::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
  if (bytes.empty()) {
    ::shutdown(fd, SHUT_WR);
  } else {
    CHECK(::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(bytes.size()));
  }
  std::string got;
  char piece[256];
  for (ssize_t count = 0; (count = ::recv(fd, piece, sizeof piece, 0)) > 0;) got.append(piece, static_cast<std::size_t>(count));
  ::close(fd);
  return got;
}

/// A server that others find.
Result<std::unique_ptr<HandoverServer>> serve_at(const std::string& path, std::vector<int> descriptors, std::function<void()> taken) {
  auto server = HandoverServer::start(path, std::move(descriptors), std::move(taken));
  if (!server) return server;
  if (const auto placed = (*server)->take_place(); !placed) return tl::unexpected(placed.error());
  return server;
}

std::size_t files_in(const Folder& folder) {
  const std::filesystem::directory_iterator files(folder.path);
  return static_cast<std::size_t>(std::distance(begin(files), end(files)));
}

TEST_CASE("the listeners arrive as the very same sockets, and a connection waiting on them is not lost") {
  const Folder folder;
  const std::string path = folder.path + "/handover";
  const std::vector<int> ours = {net::testing::listen_anywhere(), net::testing::listen_anywhere()};
  const int client = net::testing::connect_blocking(net::local_address(ours[1]));
  const auto server = serve_at(path, ours, not_taken());
  REQUIRE(server.has_value());
  const auto theirs = take_over_listeners(path);
  REQUIRE(theirs.has_value());
  REQUIRE(theirs->size() == 2);
  for (std::size_t i = 0; i < 2; ++i) {
    CHECK((*theirs)[i] != ours[i]);
    CHECK(inode_of((*theirs)[i]) == inode_of(ours[i]));
    CHECK((::fcntl((*theirs)[i], F_GETFD) & FD_CLOEXEC) != 0);
  }
  close_all(ours);
  const int accepted = ::accept((*theirs)[1], nullptr, nullptr);
  CHECK(accepted >= 0);
  close_all({accepted, client});
  close_all(*theirs);
}

TEST_CASE("as many listeners as the limit allows arrive at once, and one more is refused before anything is touched") {
  const Folder folder;
  const std::string path = folder.path + "/handover";
  const int listener = net::testing::listen_anywhere();
  const std::vector<int> most(HandoverDescriptorsMax, listener);  // the same one, sent often
  {
    const auto server = serve_at(path, most, not_taken());
    REQUIRE(server.has_value());
    const auto theirs = take_over_listeners(path);
    REQUIRE(theirs.has_value());
    CHECK(theirs->size() == HandoverDescriptorsMax);
    close_all(*theirs);
  }
  const auto refused = serve_at(path, std::vector<int>(HandoverDescriptorsMax + 1, listener), not_taken());
  REQUIRE(!refused.has_value());
  CHECK(refused.error().message.find(std::to_string(HandoverDescriptorsMax)) != std::string::npos);
  CHECK(!std::filesystem::exists(path));
  ::close(listener);
}

TEST_CASE("a process without listeners hands over none") {
  const Folder folder;
  const std::string path = folder.path + "/handover";
  const auto server = serve_at(path, {}, not_taken());
  REQUIRE(server.has_value());
  const auto theirs = take_over_listeners(path);
  REQUIRE(theirs.has_value());
  CHECK(theirs->empty());
}

TEST_CASE("a new process takes the place of the old one, which is told and leaves the new one's socket alone") {
  const Folder folder;
  const std::string path = folder.path + "/handover";
  std::atomic<int> taken{0};
  auto old_server = serve_at(path, {}, [&] { ++taken; });
  REQUIRE(old_server.has_value());
  CHECK(take_over_listeners(path).has_value());
  CHECK(taken == 0);  // asking is not taking
  auto new_server = serve_at(path, {}, not_taken());
  REQUIRE(new_server.has_value());
  old_server->reset();
  CHECK(taken == 1);
  CHECK(std::filesystem::exists(path));
  new_server->reset();
  CHECK(files_in(folder) == 0);
}

TEST_CASE("until a new process takes its place the old one is found and told nothing, and a start that goes no further leaves no trace") {
  const Folder folder;
  const std::string path = folder.path + "/handover";
  const int listener = net::testing::listen_anywhere();
  const auto old_server = serve_at(path, {listener}, not_taken());
  REQUIRE(old_server.has_value());
  {
    const auto new_server = HandoverServer::start(path, {}, not_taken());
    REQUIRE(new_server.has_value());
    const auto found = take_over_listeners(path);
    REQUIRE(found.has_value());
    CHECK(found->size() == 1);
    close_all(*found);
  }
  CHECK(!HandoverServer::start(path, std::vector<int>(HandoverDescriptorsMax + 1, listener), not_taken()).has_value());
  const auto found = take_over_listeners(path);
  REQUIRE(found.has_value());
  CHECK(found->size() == 1);
  close_all(*found);
  CHECK(files_in(folder) == 1);
  ::close(listener);
}

TEST_CASE("a place that cannot be taken is an error, and the old process is told nothing") {
  const Folder folder;
  const std::string path = folder.path + "/handover";
  auto new_server = HandoverServer::start(path, {}, not_taken());
  REQUIRE(new_server.has_value());
  std::filesystem::create_directory(path);
  const auto placed = (*new_server)->take_place();
  REQUIRE(!placed.has_value());
  CHECK(placed.error().message.find(path) != std::string::npos);
  new_server->reset();
  CHECK(files_in(folder) == 1);
}

TEST_CASE("at a first start nobody answers: no listeners and no error") {
  const Folder folder;
  const std::string path = folder.path + "/handover";
  const auto absent = take_over_listeners(path);
  REQUIRE(absent.has_value());
  CHECK(absent->empty());
  // The socket of a process that was killed.
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
  const int left_behind = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  REQUIRE(::bind(left_behind, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
  ::close(left_behind);
  const auto stale = take_over_listeners(path);
  REQUIRE(stale.has_value());
  CHECK(stale->empty());
  CHECK(serve_at(path, {}, not_taken()).has_value());
}

TEST_CASE("only this user may connect") {
  const Folder folder;
  const std::string path = folder.path + "/handover";
  const mode_t before = ::umask(0);
  const auto server = serve_at(path, {}, not_taken());
  CHECK(::umask(before) == 0);  // start() leaves it as it was
  REQUIRE(server.has_value());
  struct stat found{};
  REQUIRE(::stat(path.c_str(), &found) == 0);
  CHECK(S_ISSOCK(found.st_mode));
  CHECK((found.st_mode & 07777) == 0600);
}

TEST_CASE("files that other threads make meanwhile have the mode they asked for") {
  const Folder folder;
  const mode_t before = ::umask(0);
  std::atomic<bool> ended{false};
  int wrong = 0;
  std::thread maker([&] {
    for (int number = 0; !ended; ++number) {
      const std::string name = folder.path + "/" + std::to_string(number % 16);
      const int fd = ::open(name.c_str(), O_CREAT | O_WRONLY | O_CLOEXEC, 0666);
      struct stat found{};
      if (::fstat(fd, &found) != 0 || (found.st_mode & 0777) != 0666) ++wrong;
      ::close(fd);
      ::unlink(name.c_str());
    }
  });
  for (int i = 0; i < 500; ++i) CHECK(HandoverServer::start(folder.path + "/handover", {}, not_taken()).has_value());
  ended = true;
  maker.join();
  ::umask(before);
  CHECK(wrong == 0);
}

TEST_CASE("a file that is no socket is not removed for one") {
  const Folder folder;
  const std::string path = folder.path + "/precious";
  std::ofstream(path) << "text";
  const auto server = serve_at(path, {}, not_taken());
  REQUIRE(!server.has_value());
  CHECK(server.error().message.find(path) != std::string::npos);
  CHECK(std::filesystem::is_regular_file(path));
}

TEST_CASE("a path that is too long or leads nowhere is an error that names it") {
  const Folder folder;
  for (const std::string& path : {folder.path + "/" + std::string(200, 'x'), folder.path + "/absent/handover"}) {
    const auto server = serve_at(path, {}, not_taken());
    REQUIRE(!server.has_value());
    CHECK(server.error().message.find(path) != std::string::npos);
  }
}

TEST_CASE("whoever says nothing or nonsense gets nothing, and the next is served") {
  const Folder folder;
  const std::string path = folder.path + "/handover";
  const int listener = net::testing::listen_anywhere();
  const auto server = serve_at(path, {listener}, not_taken());
  REQUIRE(server.has_value());
  CHECK(say(path, "").empty());
  CHECK(say(path, "X").empty());
  CHECK(say(path, "GET / HTTP/1.1\r\n\r\n").empty());
  const auto theirs = take_over_listeners(path);
  REQUIRE(theirs.has_value());
  CHECK(theirs->size() == 1);
  close_all(*theirs);
  ::close(listener);
}

}  // namespace
}  // namespace evener::gateway
