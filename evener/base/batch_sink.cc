// The real targets of a BatchWriter: a file, or standard output.

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstring>
#include <ctime>
#include <utility>

#include "evener/base/batch_writer.h"

namespace evener {
namespace {

constexpr mode_t NewFileMode = 0640;  // access logs name clients and keys: not for everybody
constexpr int PollMs = 100;

class FdSink final : public BatchSink {
 public:
  FdSink(std::string path, int fd) : path_(std::move(path)), fd_(fd) { look(); }
  ~FdSink() override { close_own(); }
  FdSink(const FdSink&) = delete;
  FdSink& operator=(const FdSink&) = delete;

  std::int64_t write(std::string_view bytes) override {
    if (!regular_file_) {
      // A pipe may have a reader that stopped reading. Its O_NONBLOCK flag would be shared with whoever holds the other descriptors, so
      // it stays as it is: poll promises room for PIPE_BUF bytes, and no more than that is written. Whole lines where possible, since a
      // write of up to PIPE_BUF bytes is not mixed with those of other processes.
      pollfd waiting{.fd = fd_, .events = POLLOUT, .revents = 0};
      if (::poll(&waiting, 1, PollMs) == 0) return -EAGAIN;
      if (bytes.size() > PIPE_BUF) {
        bytes = bytes.substr(0, PIPE_BUF);
        const std::size_t last_line_end = bytes.rfind('\n');
        if (last_line_end != std::string_view::npos) bytes = bytes.substr(0, last_line_end + 1);
      }
    }
    const ssize_t taken = ::write(fd_, bytes.data(), bytes.size());
    if (taken > 0) return taken;
    return taken == 0 ? -EAGAIN : -errno;
  }

  bool reopen() override {
    if (path_ == "-") return true;
    const int fd = open_append(path_);
    if (fd < 0) return false;
    close_own();
    fd_ = fd;
    look();
    return true;
  }

  void pause(Duration length) override {
    const auto ns = std::max<std::int64_t>(length.count(), 0);
    const timespec time{.tv_sec = ns / 1'000'000'000, .tv_nsec = ns % 1'000'000'000};
    ::nanosleep(&time, nullptr);
  }

  static int open_append(const std::string& path) {
    return ::open(path.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, NewFileMode);
  }

 private:
  void look() {
    struct stat info {};
    regular_file_ = ::fstat(fd_, &info) == 0 && S_ISREG(info.st_mode);
  }
  void close_own() const {
    if (path_ != "-") ::close(fd_);
  }

  const std::string path_;
  int fd_;
  bool regular_file_ = false;
};

}  // namespace

Result<std::unique_ptr<BatchSink>> open_batch_sink(const std::string& path) {
  if (path == "-") return std::make_unique<FdSink>(path, STDOUT_FILENO);
  const int fd = FdSink::open_append(path);
  if (fd < 0) return fail("cannot open log file " + path + ": " + std::strerror(errno));
  return std::make_unique<FdSink>(path, fd);
}

}  // namespace evener
