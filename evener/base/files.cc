#include "evener/base/files.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>

namespace evener {
namespace {

class Fd {
 public:
  explicit Fd(int fd) : fd_(fd) {}
  ~Fd() {
    if (fd_ >= 0) ::close(fd_);
  }
  Fd(const Fd&) = delete;
  Fd& operator=(const Fd&) = delete;
  [[nodiscard]] int get() const { return fd_; }

 private:
  const int fd_;
};

tl::unexpected<Error> system_failure(const char* what, const std::string& path) {
  return fail(std::string("cannot ") + what + " " + path + ": " + std::strerror(errno));
}

std::string folder_of(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

bool write_all(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t taken = ::write(fd, bytes.data(), bytes.size());
    if (taken < 0 && errno == EINTR) continue;
    if (taken < 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(taken));
  }
  return true;
}

}  // namespace

Result<std::string> read_file(const std::string& path, std::size_t bytes_max) {
  const Fd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY));
  if (fd.get() < 0) return system_failure("open", path);
  std::string contents;
  char block[16384];
  for (;;) {
    const ssize_t count = ::read(fd.get(), block, sizeof block);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return system_failure("read", path);
    if (count == 0) return contents;
    if (contents.size() + static_cast<std::size_t>(count) > bytes_max) {
      return fail("cannot read " + path + ": it has more than " + std::to_string(bytes_max) + " bytes");
    }
    contents.append(block, static_cast<std::size_t>(count));
  }
}

Result<void> write_file_atomically(const std::string& path, std::string_view contents, unsigned mode) {
  std::string temporary = path + ".XXXXXX";
  {
    const Fd fd(::mkostemp(temporary.data(), O_CLOEXEC));
    if (fd.get() < 0) return system_failure("create a file beside", path);
    // The mode before the contents, so that a secret is at no time readable by others (mkostemp makes 0600).
    if (::fchmod(fd.get(), mode) != 0 || !write_all(fd.get(), contents) || ::fsync(fd.get()) != 0) {
      auto failure = system_failure("write", temporary);
      ::unlink(temporary.c_str());
      return failure;
    }
  }
  if (::rename(temporary.c_str(), path.c_str()) != 0) {
    auto failure = system_failure("replace", path);
    ::unlink(temporary.c_str());
    return failure;
  }
  const Fd folder(::open(folder_of(path).c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (folder.get() >= 0) ::fsync(folder.get());  // makes the rename last; a file system that cannot is not an error of ours
  return {};
}

}  // namespace evener
