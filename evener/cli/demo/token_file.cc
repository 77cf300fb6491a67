#include "evener/cli/demo/token_file.h"

#include <fcntl.h>
#include <sys/random.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <utility>

namespace evener::cli::demo {

Result<TokenFile> TokenFile::make() {
  const char* parent = std::getenv("TMPDIR");
  std::string folder = std::string(parent != nullptr && *parent == '/' ? parent : "/tmp") + "/evener-demo-XXXXXX";
  if (::mkdtemp(folder.data()) == nullptr) return fail("cannot make the folder " + folder + ": " + std::strerror(errno));
  TokenFile file(folder, folder + "/admin.token");

  std::array<unsigned char, 32> bits{};
  if (::getrandom(bits.data(), bits.size(), 0) != static_cast<ssize_t>(bits.size())) return fail("no random bits for the admin token");
  std::string token;
  constexpr char Digits[] = "0123456789abcdef";
  for (const unsigned char byte : bits) {
    token += Digits[byte >> 4U];
    token += Digits[byte & 15U];
  }
  token += '\n';
  const int fd = ::open(file.path_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  const bool written = fd >= 0 && ::write(fd, token.data(), token.size()) == static_cast<ssize_t>(token.size());
  const int error = errno;
  if (fd >= 0) ::close(fd);
  if (!written) return fail("cannot write " + file.path_ + ": " + std::strerror(error));
  return file;
}

TokenFile::TokenFile(TokenFile&& other) noexcept : folder_(std::exchange(other.folder_, {})), path_(std::exchange(other.path_, {})) {}

TokenFile::~TokenFile() {
  if (folder_.empty()) return;
  ::unlink(path_.c_str());
  ::rmdir(folder_.c_str());
}

}  // namespace evener::cli::demo
